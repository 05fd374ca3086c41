"""Tables of text as people have them: bytes in, rows out. One reader for recordings, athletes and imports.

Read as they are: UTF-8 and UTF-16 with or without a byte order mark, gzip or not; lines ended by LF, CR LF or
CR; cells separated by `,` `;` or tab, as the header line shows or Excel's `sep=` line says; quotes; blank
lines and rows; lines that begin with `#`; empty columns at the end; decimal point or decimal comma; thousands
where a number has them and a decimal mark besides (`1.234,5`), or parted by no-break blanks or apostrophes.
What can be read in two ways is refused with its line and both readings.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from station.errors import TableError, TextError
from station.text.encoding import RECORDING_MB, decoded

SEPARATORS = {",": "','", ";": "';'", "\t": "a tab"}
MISSING = frozenset(  # of a cell in small letters; what spreadsheets and databases of several countries write
    ("", "nan", "null", "none", "na", "n/a", "#n/a", "#nv", "#n/d", "#nd", "#n/v", "\\n", "-", "--")
)

MOST_HEADER_LINES = 200  # a name per rep and quantity, each with its unit in a line of its own

Mark = Literal[".", ","]

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
# Three digits after every mark and one to three before the first: a whole number cut into thousands, perhaps.
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,])[0-9]{3}(?:\1[0-9]{3})*")
_MARKED = re.compile(r"[+-]?[0-9.,]*[.,][0-9.,]*(?:[eE][+-]?[0-9]+)?")
# What parts thousands and nothing else: a no-break blank, an apostrophe, the mark that is no decimal one.
_GROUPED = re.compile(
    r"[+-]?[1-9][0-9]{0,2}(?:(?P<gap>[\u00a0\u2009\u202f'\u2019])[0-9]{3}(?:(?P=gap)[0-9]{3})*(?:[.,][0-9]*)?"
    r"|(?:,[0-9]{2,3})*,[0-9]{3}\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+)"
)
_COMMENT = re.compile(  # but not what a spreadsheet writes where it has nothing, or failed
    r"\s*#(?!N/?[ADV]\b|\u00a1?[^\W\d_]{2,9}(?:/0)?[!?])", re.IGNORECASE
)
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE | re.DOTALL)
_MARKUP = (
    (re.compile(r"\[?\s*\{\s*([\"'}]|$)|\[\s*(\[|$)"), "JSON"),
    (re.compile(r"<(!doctype|\?xml|html|head|body)", re.IGNORECASE), "a page (HTML or XML)"),
)
_FOREIGN = {
    b"\x1f\x8b": "packed with gzip twice",
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or a zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls)",
    b"PAR1": "Parquet",
    b"%PDF": "a PDF",
    b"SQLite format 3": "an SQLite database",
    b"MATLAB": "a MATLAB file",
    b"\x89HDF": "HDF5, as MATLAB writes it",
    b"7z\xbc\xaf": "packed with 7-Zip",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
}


def text_of(data: bytes) -> str:
    """The text of a file. Raises TableError where it is none, or in an encoding that would be a guess."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(RECORDING_MB * 1_000_000 + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(
                f"the gzip data is damaged or cut short ({error}); copy or pack it anew"
            ) from error
        if len(data) > RECORDING_MB * 1_000_000:
            raise TableError(f"larger than {RECORDING_MB} MB when unpacked; cut it into sets")
    for start, what in _FOREIGN.items():
        if data.startswith(start):
            raise TableError(f"this is {what}; save the table as CSV (UTF-8)")
    try:
        return decoded(data)
    except TextError as error:
        raise TableError(str(error)) from error


class Table:
    """A table with a header line.

    header: the names as they stand, without blanks round them and without empty ones at the end.
    header_line: its line in the file, from 1.
    plain: commas, no quotes, no `#`, nothing but ASCII: `plain_rows` gives the cells as they are.
    """

    def __init__(self, text: str, *, separator: str | None = None) -> None:
        """separator: if it is known.

        Raises TableError for a file without a header line, or one whose separator cannot be told.
        """
        self._text = text
        self.separator = ","
        self.header: list[str] = []
        self.header_line = 0
        self._skip = 0  # lines before the first row
        self._width = 0  # of the header with its empty names
        self._start = 0  # of the first row, in characters
        self._find_header(separator)
        self.plain = (
            self.separator == ","
            and self._width == len(self.header)
            and all(self.header)
            and text.isascii()
            and '"' not in text
            and "#" not in text
            and text.find("_", self._start) < 0  # Python reads 1_000 as a number; names have it, cells do not
        )

    @property
    def has_point(self) -> bool:
        """Whether there is a point anywhere below the header."""
        return self._text.find(".", self._start) >= 0

    def _find_header(self, said: str | None) -> None:
        lines = io.StringIO(self._text, newline="")
        comment = ""
        while line := lines.readline():
            self._skip += 1
            bare = line.strip()
            sep = _SEP_LINE.fullmatch(line.rstrip("\r\n")) if said is None and not comment else None
            if sep is not None:
                said = sep[1]
                if said not in SEPARATORS:
                    raise TableError(
                        f"line {self._skip}: the columns are separated by {said!r}; use ',' ';' or a tab"
                    )
            elif _COMMENT.match(line):
                comment = bare.lstrip("# \t")
            elif bare.strip(',;\t "'):
                for start, what in _MARKUP:
                    if start.match(bare):
                        raise TableError(f"line {self._skip}: this is {what}; save the table as CSV (UTF-8)")
                self.header_line = self._skip
                if bare.count('"') % 2:
                    line = self._unbroken(line, lines)
                self._start = lines.tell()
                as_it_is = said is not None or line[0] == "\t"  # a column of numbers has no name
                self._set_header(line.strip("\r\n") if as_it_is else line.strip(), said)
                if comment and self._is_row_of_numbers():
                    self._take_comment(comment, lines.tell() - len(line))
                return
        raise TableError("empty; the first line names the columns")

    def _unbroken(self, line: str, lines: io.StringIO) -> str:
        """The header with the lines that names in quotes go on in; as it is where the quotes stay open."""
        begin, whole = lines.tell(), line
        for n, more in enumerate(islice(lines, MOST_HEADER_LINES), 1):
            whole += more
            if whole.count('"') % 2 == 0:
                self._skip += n
                return whole
        lines.seek(begin)
        return line

    def _set_header(self, line: str, said: str | None) -> None:
        line = line.strip("\r\n")
        counts = {one: len(_cells(line, one)) for one in SEPARATORS} if said is None else {said: 1}
        most = max(counts.values())
        best = [one for one, count in counts.items() if count == most]
        if most > 1 and len(best) > 1:
            said_both = " or ".join(f"{SEPARATORS[one]}: {_cells(line, one)[:3]}" for one in best)
            raise TableError(f"line {self._skip}: the columns are separated by {said_both}; use one of them")
        self.separator = best[0]
        self.header = [" ".join(cell.split()) for cell in _cells(line, self.separator)]
        self._width = len(self.header)
        while self.header and not self.header[-1]:
            self.header.pop()

    def _is_row_of_numbers(self) -> bool:
        return all(_NUMBER.fullmatch(cell.replace(",", ".")) for cell in self.header if cell)

    def _take_comment(self, comment: str, start: int) -> None:
        """The names stand behind a `#`, as numpy.savetxt writes them."""
        names = [cell.strip() for cell in _cells(comment, self.separator)]
        if len(names) == self._width and not any(_NUMBER.fullmatch(name) for name in names):
            self.header = names
            self._skip -= 1
            self._start = start
            self.header_line = self._skip

    def plain_rows(self) -> Iterator[list[str]]:
        """The rows below the header as they are, the fast way: for tables that are `plain`."""
        return csv.reader(self._body(), strict=True)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Line and cells of each row that is not blank, as many cells as the header has names.

        Cells have no blanks round them. Raises TableError for a row with more cells than the header, or of
        one cell where there should be more.
        """
        names = len(self.header)
        body: Iterable[str] = self._body()
        if "#" in self._text:
            body = ("\n" if _COMMENT.match(line) else line for line in body)
        reader = csv.reader(body, delimiter=self.separator, strict=True)
        wide: int | None = None
        named = not any(_NUMBER.fullmatch(name.replace(",", ".")) for name in self.header)  # else a reading
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                open_quote = "a quotation mark is opened and never closed"
                what = open_quote if "end of data" in str(error) else f"{error}"
                raise TableError(
                    f"line {self._skip + reader.line_num}: {what}; a quotation mark within a cell is doubled"
                ) from error
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            line = self._skip + reader.line_num
            if named and [" ".join(cell.split()) for cell in cells[:names]] == self.header:
                raise TableError(f"line {line} is the header (line {self.header_line}) again; cut it out")
            if len(cells) > names:
                wide = len(cells) if wide is None else wide
                uniform = len(cells) <= self._width or len(cells) == wide
                if any(cells[names:]) or not uniform:
                    raise TableError(self._too_many(line, cells))
                cells = cells[:names]
            elif len(cells) == 1 and names > 1:
                raise TableError(self._too_few(line, cells[0]))
            yield line, cells + [""] * (names - len(cells))

    def decimal_mark(self, columns: Sequence[int]) -> Mark:
        """Whether the numbers of these columns have a decimal point or a decimal comma.

        Raises TableError where both are there, or where all could be whole numbers cut into thousands.
        """
        proof: dict[str, tuple[int, str]] = {}
        doubt: dict[str, tuple[int, str]] = {}
        for line, cells in self.rows():
            for column in columns:
                cell = cells[column]
                plain = _ungrouped(cell)
                if _MARKED.fullmatch(plain) is None:
                    continue
                if "," in plain and "." in plain:
                    raise TableError(
                        f"line {line}: {cell!r} has a comma and a point;"
                        " write numbers without thousands separators"
                    )
                mark = "," if "," in plain else "."
                if _THOUSANDS.fullmatch(plain) is None:
                    proof.setdefault(mark, (line, cell))
                elif mark == "," or self.separator != ",":  # who writes 1.000 for thousand has decimal commas
                    doubt.setdefault(mark, (line, cell))
        seen = {**doubt, **proof}
        if len(seen) == 2:
            (one, first), (two, second) = seen[","], seen["."]
            raise TableError(
                f"line {one} has {first!r} and line {two} has {second!r}: a decimal comma in one of them is a"
                " thousands separator in the other; write all numbers in one way"
            )
        for mark, (line, cell) in doubt.items():
            if mark not in proof:
                word = {",": "comma", ".": "point"}[mark]
                raise TableError(
                    f"line {line}: {cell!r} is {cell.replace(mark, '.', 1)} with a decimal {word} and"
                    f" {cell.replace(mark, '')} with a thousands separator, and no other number tells which;"
                    " write one digit more behind the mark, or none"
                )
        return "," if "," in seen else "."

    def _body(self) -> io.StringIO:
        lines = io.StringIO(self._text, newline="")
        lines.seek(self._start)
        return lines

    def _too_many(self, line: int, cells: list[str]) -> str:
        names = len(self.header)
        seen = f"line {line} has {len(cells)} cells, the header names {names} column{'s' * (names != 1)}"
        if names < self._width:
            seen = f"line {line}: there is {cells[names]!r} below a column without a name"
        if self.separator == "," and sum(bool(re.fullmatch(r"[+-]?\d+", cell)) for cell in cells) > 1:
            pairs = [
                n for n in range(len(cells) - 1) if cells[n].lstrip("+-").isdigit() and cells[n + 1].isdigit()
            ]
            n = pairs[0] if pairs else 0
            return (
                f"{seen}: {cells[n]!r} and {cells[n + 1]!r} are two cells, or one number"
                f" {cells[n]},{cells[n + 1]} with a decimal comma; separate the columns by ';' or a tab"
            )
        return f"{seen}; give every column a name, and every row its cells"

    def _too_few(self, line: int, cell: str) -> str:
        names = len(self.header)
        for other, word in SEPARATORS.items():
            if other != self.separator and len(_cells(cell, other)) == names:
                return (
                    f"line {line} is separated by {word}, the header (line {self.header_line}) by"
                    f" {SEPARATORS[self.separator]}; use one of them"
                )
        return f"line {line} has 1 cell, the header names {names} columns; the row is cut short"


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return [line]


def _ungrouped(cell: str) -> str:
    """A number without what parts its thousands, if that is all it can be."""
    found = _GROUPED.fullmatch(cell)
    if found is None:
        return cell
    if found["gap"] is not None:
        return cell.replace(found["gap"], "")
    return cell.replace("," if cell.rindex(".") > cell.rindex(",") else ".", "")


def number(cell: str, mark: Mark = ".") -> float:
    """The number in a cell, NaN for one that is empty or says that there is none. Raises ValueError."""
    if cell.lower() in MISSING:
        return float("nan")
    plain = _ungrouped(cell.replace("\u2212", "-"))  # the minus sign some spreadsheets write
    if mark == ",":
        if "." in plain:
            raise ValueError(cell)
        plain = plain.replace(",", ".")
    if _NUMBER.fullmatch(plain) is None:
        raise ValueError(cell)
    return float(plain)
