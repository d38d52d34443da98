"""``manage.py check_invariants``: is everything true that must be true of the shop's rows?"""

from ecommerce.invariants_command import InvariantsCommand


class Command(InvariantsCommand):
    help = "Verify every invariant of the shop; exit 1 and name what breaks one."
