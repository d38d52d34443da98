"""Objects of JSON, as dictionaries."""

from typing import Any


def with_after(row: dict[str, Any], key: str, more: dict[str, Any]) -> dict[str, Any]:
    """Return the row with more entries behind one of its keys."""
    result: dict[str, Any] = {}
    for name, value in row.items():
        result[name] = value
        if name == key:
            result.update(more)
    return result
