"""Build the search's index again."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from catalog.searching.indexing import rebuild_search


class Command(BaseCommand):
    help = (
        "Index all products for the search and count the shop's words. Needed after an upgrade that changed what is "
        "indexed; writes keep both up to date by themselves. The shop stays open. See docs/search.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--missing", action="store_true", help="only products that were never indexed")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        amount = rebuild_search(everything=not options["missing"])
        self.stdout.write(f"{amount:,} products indexed in {time.monotonic() - started:.1f} s")
