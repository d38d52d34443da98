"""What apps above this one do when an order changes; payments put theirs in. Orders know nothing of them."""

from collections.abc import Callable
from uuid import UUID

from accounts.models import User
from orders.models import Order

# Run with an order that was just placed, in the same transaction.
after_placing: list[Callable[[Order], None]] = []
# Run before an order that somebody wants to cancel is locked, in the same transaction: for rows that are locked before
# orders, and for what must end with the order.
before_cancel: list[Callable[[UUID], None]] = []
# The same for one whose time to be paid is over. What may still bring its money is left alone: it is decided after the
# lock whether anything does.
before_expiry: list[Callable[[UUID], None]] = []
# Run with the cancelled, locked order, who did it, and their note. What they raise undoes the cancelling.
after_cancel: list[Callable[[Order, User | None, str], None]] = []
