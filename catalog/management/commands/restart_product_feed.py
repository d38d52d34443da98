"""``manage.py restart_product_feed``: after a dump was restored into another PostgreSQL."""

from typing import Any

from django.core.management.base import BaseCommand

from catalog.changes.reading import restart


class Command(BaseCommand):
    help = (
        "Note every product as changed now. Needed after a dump was restored into another server, whose transactions "
        "are counted anew: until then the feed would tell nothing. Readers start again. See docs/feed.md."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{restart():,} products noted as changed.")
