"""What a check of the catalogue's rows is made of; ``catalog.checks`` has all of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """``sql`` returns one row, a sentence, for each violation."""

    name: str
    sql: str
