"""``manage.py check_catalogue``: does stock add up, do ratings follow, is nobody forgotten and no change untold?"""

from ecommerce.invariants_command import InvariantsCommand


class Command(InvariantsCommand):
    help = "Verify every invariant of stock, reviews, notices and the feed; exit 1 and name what breaks one."
    groups = ("catalogue",)
