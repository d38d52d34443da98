"""What a method asks for a weight."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ecommerce.exceptions import ErrorRow


@dataclass(frozen=True)
class Band:
    """What up to so many grams cost, in the method's currency."""

    up_to_grams: int
    price: Decimal


def price_of(weight_grams: int, bands: Iterable[Band], per_further_kg: Decimal | None) -> Decimal | None:
    """Return the price for a weight, or None where the method does not carry it.

    Above the last band each further kilogram, begun or whole, costs ``per_further_kg``; None: it is not carried.
    Without bands nothing is.
    """
    last = None
    for last in sorted(bands, key=lambda band: band.up_to_grams):
        if weight_grams <= last.up_to_grams:
            return last.price
    if last is None or per_further_kg is None:
        return None
    further = -(-(weight_grams - last.up_to_grams) // 1000)
    return last.price + further * per_further_kg


def faults_of(bands: Sequence[Band], *, attr: str = "bands") -> list[ErrorRow]:
    """Name each band that a method cannot have: a heavier parcel never costs less, and each weight has one price."""
    faults = []
    order = sorted(range(len(bands)), key=lambda index: bands[index].up_to_grams)
    for before, index in pairwise(order):
        lighter, band = bands[before], bands[index]
        if band.up_to_grams == lighter.up_to_grams:
            detail = f"There is a band up to {band.up_to_grams} g already."
            faults.append(ErrorRow("band_twice", detail, f"{attr}.{index}.up_to_grams"))
        elif band.price < lighter.price:
            detail = f"Up to {band.up_to_grams} g cannot cost less than up to {lighter.up_to_grams} g."
            faults.append(ErrorRow("band_falls", detail, f"{attr}.{index}.price"))
    return faults
