"""What apps above this one do when a seller's standing changes. Accounts know nothing of them."""

from collections.abc import Callable

from accounts.models import User

# Run after a decision about a seller, in its transaction, with the seller's row locked. What they raise undoes it.
standing_changed: list[Callable[[User], None]] = []
