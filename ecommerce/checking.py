"""What a check of rows is made of; ``ecommerce.invariants`` runs them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """``sql`` returns one row, a sentence, for each violation."""

    name: str
    sql: str
