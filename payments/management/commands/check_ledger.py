"""``manage.py check_ledger``: do the books balance, and does every shilling have its place?"""

from ecommerce.invariants_command import InvariantsCommand


class Command(InvariantsCommand):
    help = "Verify every invariant of payments, refunds and the ledger; exit 1 and name the culprits if one fails."
    groups = ("payments",)
