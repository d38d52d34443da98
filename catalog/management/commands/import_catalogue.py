"""Import a catalogue file."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from catalog.importing.catalogue import import_catalogue
from catalog.importing.reading import Terms, UnreadableFile
from catalog.importing.report import Report, open_report, with_progress
from catalog.importing.writing import ImportRunning

MAX_STOCK = 1_000_000


def _rate(text: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not (rate.is_finite() and 0 < rate < 1_000_000):
        raise ArgumentTypeError(f"{text!r} is not a rate such as 129.50.")
    return rate


def _whole_number(text: str, *, highest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= highest):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {highest:,}.")
    return int(text)


class Command(BaseCommand):
    help = (
        "Import products from a file of JSON lines, plain or gzip. A repeat changes only what changed in the file; "
        "a run that was broken off is finished by another one. See docs/importing.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="such as electronics-catalogue.ndjson.gz")
        parser.add_argument(
            "--rate", type=_rate, default=Decimal("129.50"), help="KES for one USD (default: %(default)s)"
        )
        parser.add_argument("--report", type=Path, metavar="FILE.csv", help="write each skipped line and why")
        parser.add_argument(
            "--limit", type=partial(_whole_number, highest=10**9), metavar="N", help="read the first N lines only"
        )
        parser.add_argument(
            "--stock",
            type=partial(_whole_number, highest=MAX_STOCK),
            default=10,
            metavar="N",
            help="units that a new product starts with (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        rate: Decimal = options["rate"]
        terms = Terms(rates={"USD": rate, settings.DEFAULT_CURRENCY: Decimal(1)}, stock=options["stock"])
        started = time.monotonic()
        report = Report()
        try:
            with open_report(options["report"], protect=path) as report:
                import_catalogue(
                    path,
                    terms=terms,
                    report=report,
                    limit=options["limit"],
                    progress=partial(with_progress, stream=sys.stderr),
                )
        except (UnreadableFile, ImportRunning) as error:
            raise CommandError(str(error)) from None
        except OperationalError as error:
            cause = str(error).strip().splitlines()[0]
            raise CommandError(f"The database failed ({cause}); {_how_to_finish(report)}") from None
        except KeyboardInterrupt:
            raise CommandError(f"Interrupted; {_how_to_finish(report)}", returncode=130) from None
        if not report.complete:
            raise CommandError("The account does not add up: read is not created + updated + skipped.")
        seconds = time.monotonic() - started
        self.stdout.write(f"{path.name}: imported in {seconds:.1f} s, 1 USD = KES {rate}, whole shillings")
        for line in report.summary():
            self.stdout.write(line)
        if options["report"]:
            self.stdout.write(f"Each skipped line and its reason: {options['report']}")


def _how_to_finish(report: Report) -> str:
    stored = report.created + report.updated
    return f"{stored:,} products of {report.read:,} lines are stored. Run the command again to finish."
