"""Digits to be read from three metres, drawn with half blocks: two pixels in a cell."""

# Pixels, 4 wide and 6 high; a dot and a blank are narrower.
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
    "/": ("...#", "..#.", "..#.", ".#..", ".#..", "#..."),
    "-": ("....", "....", "####", "....", "....", "...."),
    ".": (".", ".", ".", ".", ".", "#"),
    " ": ("..", "..", "..", "..", "..", ".."),
}
_BLOCKS = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}
ROWS = 3  # cells high at scale 1


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
