"""What each app holds about people. Accounts ask here, and need not know who is above them.

An app registers its part when it starts::

    register("orders", export_tables("orders"), erase, open_matters=open_matters)
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from accounts.privacy.identity import Identity
from ecommerce.exceptions import ErrorRow

# The name of a list and its rows, one after the other, so that nobody's history must fit into memory.
Section = tuple[str, Iterable[dict[str, Any]]]
Exporter = Callable[[User], Iterator[Section]]
Eraser = Callable[[Identity], None]
# What keeps somebody from being erased now: a row by name for each.
OpenMatters = Callable[[User], list[ErrorRow]]


@dataclass(frozen=True)
class Part:
    name: str
    exporter: Exporter
    eraser: Eraser
    open_matters: OpenMatters


_parts: dict[str, Part] = {}


def register(name: str, exporter: Exporter, eraser: Eraser, *, open_matters: OpenMatters = lambda user: []) -> None:
    _parts[name] = Part(name, exporter, eraser, open_matters)


def parts() -> list[Part]:
    """Return the parts in the order in which apps stand on each other, accounts first."""
    return list(_parts.values())
