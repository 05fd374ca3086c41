"""Digits and capitals to be read from three metres, drawn with half blocks: two pixels in a cell.

At scale 1 a character is three cells high. On a 24-inch screen that is 37 mm at 80 × 24, 22 mm at 120 × 40
and 15 mm at 200 × 60, on a 10-inch panel 17 mm at 80 × 24; at three metres 15 mm can be read.
"""

# Pixels, 6 high and about 4 wide.
_FONT: dict[str, tuple[str, ...]] = {
    "0": (".##.", "#..#", "#..#", "#..#", "#..#", ".##."),
    "1": (".##.", "..#.", "..#.", "..#.", "..#.", ".###"),
    "2": (".##.", "#..#", "...#", "..#.", ".#..", "####"),
    "3": ("###.", "...#", ".##.", "...#", "...#", "###."),
    "4": ("#..#", "#..#", "#..#", "####", "...#", "...#"),
    "5": ("####", "#...", "###.", "...#", "...#", "###."),
    "6": (".##.", "#...", "###.", "#..#", "#..#", ".##."),
    "7": ("####", "...#", "..#.", "..#.", ".#..", ".#.."),
    "8": (".##.", "#..#", ".##.", "#..#", "#..#", ".##."),
    "9": (".##.", "#..#", "#..#", ".###", "...#", ".##."),
    "?": (".##.", "#..#", "..#.", ".#..", "....", ".#.."),
    "/": ("...#", "..#.", "..#.", ".#..", ".#..", "#..."),
    "-": ("....", "....", "####", "....", "....", "...."),
    ".": (".", ".", ".", ".", ".", "#"),
    "A": (".##.", "#..#", "#..#", "####", "#..#", "#..#"),
    "B": ("###.", "#..#", "###.", "#..#", "#..#", "###."),
    "C": (".###", "#...", "#...", "#...", "#...", ".###"),
    "D": ("###.", "#..#", "#..#", "#..#", "#..#", "###."),
    "E": ("####", "#...", "###.", "#...", "#...", "####"),
    "F": ("####", "#...", "###.", "#...", "#...", "#..."),
    "G": (".###", "#...", "#.##", "#..#", "#..#", ".###"),
    "H": ("#..#", "#..#", "####", "#..#", "#..#", "#..#"),
    "I": ("###", ".#.", ".#.", ".#.", ".#.", "###"),
    "J": ("..##", "...#", "...#", "...#", "#..#", ".##."),
    "K": ("#..#", "#.#.", "##..", "##..", "#.#.", "#..#"),
    "L": ("#...", "#...", "#...", "#...", "#...", "####"),
    "M": ("#...#", "##.##", "#.#.#", "#...#", "#...#", "#...#"),
    "N": ("#...#", "##..#", "#.#.#", "#..##", "#...#", "#...#"),
    "O": (".##.", "#..#", "#..#", "#..#", "#..#", ".##."),
    "P": ("###.", "#..#", "#..#", "###.", "#...", "#..."),
    "Q": (".##.", "#..#", "#..#", "#..#", "#.#.", ".#.#"),
    "R": ("###.", "#..#", "#..#", "###.", "#.#.", "#..#"),
    "S": (".###", "#...", ".##.", "...#", "...#", "###."),
    "T": ("#####", "..#..", "..#..", "..#..", "..#..", "..#.."),
    "U": ("#..#", "#..#", "#..#", "#..#", "#..#", ".##."),
    "V": ("#...#", "#...#", "#...#", ".#.#.", ".#.#.", "..#.."),
    "W": ("#...#", "#...#", "#.#.#", "#.#.#", "##.##", "#...#"),
    "X": ("#..#", "#..#", ".##.", ".##.", "#..#", "#..#"),
    "Y": ("#...#", ".#.#.", "..#..", "..#..", "..#..", "..#.."),
    "Z": ("####", "...#", "..#.", ".#..", "#...", "####"),
    "+": ("....", ".#..", "###.", ".#..", "....", "...."),
    "*": ("....", "#.#.", ".#..", "#.#.", "....", "...."),
    ",": ("..", "..", "..", "..", ".#", "#."),
    "!": ("#", "#", "#", "#", ".", "#"),
    ":": (".", "#", ".", ".", "#", "."),
    "%": ("#..#", "...#", "..#.", ".#..", "#...", "#..#"),
    " ": ("..", "..", "..", "..", "..", ".."),
}
_BLOCKS = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}
ROWS = 3  # cells high at scale 1


LEGIBLE = 200.0  # distance over height: the usual rule for signs


def legible_to_m(scale: int, panel_height_mm: float, screen_rows: int) -> float:
    """From how far a character of this scale can be read, metres, on a panel that shows so many rows."""
    return ROWS * scale * panel_height_mm / screen_rows * LEGIBLE / 1000.0


def big_width(text: str, scale: int = 1) -> int:
    """Cells `big` needs for the text."""
    return sum(len(_FONT[char][0]) * scale + 1 for char in text if char in _FONT)


def big(text: str, scale: int = 1) -> list[str]:
    """The text in lines of cells, 3 × `scale` of them; characters without a picture are left out."""
    known = [_FONT[char] for char in text if char in _FONT]
    # The gap between two characters is one cell at any scale: width is what a tile has least of.
    wide = ["".join("".join(p * scale for p in char[row]) + "." for char in known) for row in range(6)]
    tall = [line for line in wide for _ in range(scale)]
    return [
        "".join(_BLOCKS[upper + lower] for upper, lower in zip(tall[row], tall[row + 1], strict=True))
        for row in range(0, len(tall), 2)
    ]


def wrapped(text: str, width: int, scale: int = 1) -> list[str]:
    """The text in capitals, broken between words into lines that `big` draws in `width` cells."""
    lines: list[str] = []
    for word in text.upper().split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and big_width(longer, scale) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
