"""Set the prices of a price list by a file, as the API does."""

import contextlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from rest_framework.exceptions import APIException

from accounts.history.context import acting
from catalog.prices.files import price_file
from catalog.prices.models import PriceList
from catalog.prices.uploading import upload_prices
from ecommerce.exceptions import DomainError


class Command(BaseCommand):
    help = "Set the prices of a price list by a CSV with the columns sku (or variant) and price. See docs/prices.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("price_list", help="its name or id")
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")
        parser.add_argument("--skip-bad", action="store_true", help="leave wrong lines out; else they refuse the file")
        parser.add_argument("--replace", action="store_true", help="remove the prices that the file does not name")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        price_list = _named(options["price_list"])
        flags = {name: options[name] for name in ("dry_run", "skip_bad", "replace")}
        try:
            with path.open("rb") as file, price_file(file) as prices, acting(via="import"):
                report = upload_prices(price_list.pk, prices, **flags)
        except DomainError as refusal:
            raise CommandError("\n".join(row.detail for row in refusal.rows)) from None
        except APIException as refusal:
            raise CommandError(str(refusal.detail)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from None
        for row in report.problems:
            self.stderr.write(f"line {row.line}: {row.column or 'row'}: {row.message} ({row.code})")
        self.stdout.write(
            f"{price_list}: {report.created:,} created, {report.changed:,} changed, {report.unchanged:,} unchanged, "
            f"{report.removed:,} removed, {report.bad:,} wrong" + " (a dry run: nothing was stored)" * report.dry_run
        )


def _named(key: str) -> PriceList:
    wanted = Q(name=key)
    with contextlib.suppress(ValueError):
        wanted |= Q(pk=UUID(key))
    price_list = PriceList.objects.filter(wanted).first()
    if price_list is None:
        raise CommandError(f"There is no price list {key!r}.")
    return price_list
