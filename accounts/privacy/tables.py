"""What each table says about people. A text column that no table here names fails the suite.

Every app declares its own tables in its ``privacy.py``. Columns with a fixed choice of values say nothing about anybody
and are not named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from django.apps import apps
from django.db import models


class Fate(Enum):
    """What becomes of a table's rows when their owner is erased."""

    STAYS = "stays"  # with its ``erased`` columns emptied and names taken out of its ``scrubbed`` ones
    DELETED = "deleted"
    OWN_RULE = "own rule"  # of the app's eraser, or the row falls with the one above it


@dataclass(frozen=True)
class Table:
    """The columns of a table, by what they say; names are separated by spaces.

    ``owner`` is the look-up that leads from a row to its user ("pk" for the user's own), empty where rows belong to
    nobody in particular. ``guard`` is the trigger that would refuse the change.
    """

    label: str  # "orders.Order"
    owner: str = ""
    fate: Fate = Fate.STAYS
    erased: str = ""  # personal
    scrubbed: str = ""  # somebody's own words, in which a name may stand
    kept: str = ""  # personal, and kept because the law says so
    plain: str = ""  # says nothing about a customer
    hidden: str = ""  # hashes and tokens: exported to nobody
    guard: str = ""

    @property
    def model(self) -> type[models.Model]:
        return apps.get_model(self.label)

    def names(self, *kinds: str) -> list[str]:
        """Return the columns of some kinds, or of all of them."""
        kinds = kinds or ("erased", "scrubbed", "kept", "plain", "hidden")
        return [name for kind in kinds for name in getattr(self, kind).split()]


_tables: dict[str, Table] = {}


def declare(*tables: Table) -> None:
    """Say what some tables hold. Called when an app starts."""
    _tables.update({table.label: table for table in tables})


def declared() -> Iterator[Table]:
    return iter(_tables.values())
