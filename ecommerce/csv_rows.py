"""Reading the rows of a CSV that somebody has uploaded."""

import csv
import io
from collections.abc import Iterator


class BadQuotes(Exception):
    """The quotes do not match: what follows ``line`` cannot be told from what is quoted."""

    def __init__(self, line: int, detail: str) -> None:
        self.line, self.detail = line, detail
        super().__init__(detail)


def filled_rows(text: str, *, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty, its cells stripped, with the number of its last line.

    Raises:
        BadQuotes
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise BadQuotes(reader.line_num, str(error)) from None
