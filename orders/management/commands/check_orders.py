"""``manage.py check_orders``: has what left been taken off the shelf, and does every status say the truth?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from catalog.checks import violations
from orders.checks import CHECKS


class Command(BaseCommand):
    help = "Verify every invariant of orders and their parcels; exit 1 and name what breaks one."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = 0
        # One snapshot for all: what is written meanwhile must not look like a difference.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = '120s'")
            for check in CHECKS:
                culprits = list(violations(check))
                self.stdout.write(f"{'WRONG' if culprits else 'ok   '}  {check.name}")
                for culprit in culprits:
                    self.stdout.write(f"       {culprit}")
                broken += bool(culprits)
        if broken:
            raise CommandError(f"{broken} of {len(CHECKS)} invariants do not hold.", returncode=1)
        self.stdout.write(f"All {len(CHECKS)} invariants hold.")
