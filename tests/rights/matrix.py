"""The file of what is expected, and how an answer is written in it."""

from pathlib import Path

from tests.rights.operations import Operation
from tests.rights.people import PEOPLE

FILE = Path(__file__).with_name("matrix.txt")
YES, THROUGH = "yes", "in"
Row = dict[str, str]


def word_for(status: int) -> str:
    """Return how an answer is written: refusals of rights by their number, done as ``yes``, refused for what was sent
    (by form, or because the thing is in no state for it) as ``in``."""
    if status in (401, 403, 404) or status >= 500:
        return str(status)
    return YES if status < 400 else THROUGH


def read() -> dict[Operation, tuple[str, Row]]:
    """Return the scope and the expected answers of each operation in the file.

    Raises:
        ValueError: a line is not of the form, or stands there twice.
    """
    rows: dict[Operation, tuple[str, Row]] = {}
    for number, line in enumerate(FILE.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        method, path, scope, *answers = line.split()
        operation = Operation(path, method)
        if len(answers) != len(PEOPLE) or operation in rows:
            raise ValueError(f"matrix.txt, line {number}: {line}")
        rows[operation] = (scope, dict(zip(PEOPLE, answers, strict=True)))
    return rows


def line_of(operation: Operation, scope: str, answers: Row) -> str:
    cells = "".join(f"{answers[name]:<{max(len(name), 4) + 1}}" for name in PEOPLE)
    return f"{operation.method:<7}{operation.path:<62} {scope:<16} {cells}".rstrip()


def heading() -> str:
    cells = "".join(f"{name:<{max(len(name), 4) + 1}}" for name in PEOPLE)
    return f"# {'':<5}{'operation':<62} {'scope':<16} {cells}".rstrip()


def add(lines: list[str]) -> None:
    """Put lines where they belong in the file, which is sorted by path; comments at its head stay there."""
    present = FILE.read_text().splitlines()
    head = [line for line in present if line.startswith("#") or not line.strip()]
    rows = [line for line in present if line not in head]
    rows = sorted([*rows, *lines], key=lambda line: (line.split()[1], line.split()[0]))
    FILE.write_text("\n".join([*head, *rows]) + "\n")
