"""Noticing that a file says the same thing twice. The second time is refused: which one is meant, nobody knows."""

import json

from catalog.exchange.rows import Group, Problem, Row
from catalog.importing.cleaning import clean_line

_SAID = {"handle": "duplicate_handle", "source": "duplicate_id", "sku": "duplicate_sku", "name": "duplicate_name"}


class Seen:
    """The handles, ids and SKUs that a file has had so far, with the line of each."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}

    def add(self, group: Group) -> list[Problem]:
        """Remember a group; return what of it has stood in an earlier one, or twice in this one."""
        problems = []
        first = group.rows[0]
        key = group.key or _fed(first)
        known = {key: first} if key else {}
        for row in group.rows:
            sku = clean_line(text) if (text := row.text("sku")) else ""
            name = f"sku:{sku}"
            if sku and name != key:
                if name in known:
                    problems.append(_twice(name, row, known[name].line))
                known.setdefault(name, row)
        for name, row in known.items():
            if name in self._lines:
                problems.append(_twice(name, row, self._lines[name]))
            else:
                self._lines[name] = row.line
        return problems


def _twice(name: str, row: Row, line: int) -> Problem:
    what, _, text = name.partition(":")
    return Problem(row.line, "", _SAID[what], f"{text[:80]!r} stands in line {line} already.")


def _fed(row: Row) -> str:
    """Return the key of a product feed's line."""
    if row.feed is None:
        return ""
    try:
        return f"source:{json.loads(row.feed).get('id')}"
    except (ValueError, RecursionError):
        return ""
