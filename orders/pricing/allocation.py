"""Parting a sum so that nothing is lost and nothing is made."""

from collections.abc import Sequence
from fractions import Fraction


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Part ``amount`` minor units in proportion to ``weights``; the parts add up to it exactly.

    By largest remainder: each part is its share rounded down, and the units left over go one by one to the parts that
    lost most by it, the earlier first. A part is never larger than its weight if the amount is not larger than all of
    them, so a discount never costs a line more than the line.

    Raises:
        ValueError: a negative amount or weight, or an amount that nothing can bear.
    """
    total = sum(weights)
    if amount < 0 or any(weight < 0 for weight in weights):
        raise ValueError("only what is not negative can be parted")
    if amount == 0:
        return [0] * len(weights)
    if total == 0:
        raise ValueError("there is nothing to part it by")
    parts = [amount * weight // total for weight in weights]
    lost = [amount * weight % total for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda index: -lost[index])
    for index in by_loss[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def rounded(exact: Fraction) -> int:
    """Round an exact, non-negative sum to whole minor units, half up."""
    return int(exact + Fraction(1, 2))
