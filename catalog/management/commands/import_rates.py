"""Import exchange rates."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from catalog.currencies.importing import RefusedFile, import_rates


class Command(BaseCommand):
    help = (
        "Import exchange rates from a CSV file with the columns code,rate or code,rate,valid_from: all of them, or "
        "none. See docs/currencies.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="such as rates.csv")
        parser.add_argument("--source", default="", help="whose rates they are (default: the file's name)")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            done = import_rates(path, source=(options["source"] or path.name)[:120])
        except RefusedFile as refusal:
            raise CommandError("\n".join([*refusal.problems, "Nothing is stored."])) from None
        except IntegrityError:
            raise CommandError("Somebody else stores rates of the same moment. Nothing is stored; try again.") from None
        self.stdout.write(f"{path.name}: {done.stored} rates stored, {done.unchanged} known already.")
