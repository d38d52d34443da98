"""What apps above this one tell it; orders put theirs in. Bookings know nothing of them."""

from collections.abc import Callable, Collection
from uuid import UUID

# Given the lines of orders whose holds are over, return those that shall be kept all the same: their money may still
# come. Asked in the transaction that would release the others.
awaited: list[Callable[[Collection[UUID]], Collection[UUID]]] = []
