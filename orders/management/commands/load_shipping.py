"""Load shipping zones, methods and pick-up points."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from orders.shipping.loading import SAMPLE, RefusedFile, load_shipping


class Command(BaseCommand):
    help = (
        "Load shipping zones, methods and pick-up points from a JSON file: all of it, or nothing. A repeat makes "
        "nothing twice. See docs/shipping.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", type=Path, nargs="?", help="such as shipping.json")
        source.add_argument("--example", action="store_true", help="those of the sample shop: Nairobi and all of Kenya")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = load_shipping(SAMPLE if options["example"] else options["file"])
        except RefusedFile as refusal:
            raise CommandError("\n".join([*refusal.problems, "Nothing is stored."])) from None
        except IntegrityError:
            raise CommandError("Somebody else writes the same rows. Nothing is stored; try again.") from None
        self.stdout.write(f"Shipping: {loaded}.")
