"""``manage.py check_orders``: has what left been taken off the shelf, and does every status say the truth?"""

from ecommerce.invariants_command import InvariantsCommand


class Command(InvariantsCommand):
    help = "Verify every invariant of orders, parcels, returns, documents, promotions; exit 1 and name what breaks one."
    groups = ("orders",)
