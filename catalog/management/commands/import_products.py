"""Import a file of products, as the API does."""

import json
import time
from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rest_framework.exceptions import APIException

from catalog.exchange import running, selectors, services
from catalog.exchange.models import CatalogueImport
from ecommerce.outbox import Postpone

State = CatalogueImport.State

_WAIT = 0.5  # seconds, while another import is at work


class Command(BaseCommand):
    help = (
        "Import products from CSV, NDJSON, XLSX or Shopify's product CSV, with the same effect as an upload: it is "
        "among the imports, and can be undone. Product feeds have a command of their own, import_catalogue. See "
        "docs/importing.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and do nothing")
        parser.add_argument("--mapping", default="{}", help='JSON, such as \'{"Artikel": "name"}\'')
        parser.add_argument("--currency", default=settings.DEFAULT_CURRENCY, help="of prices without one beside them")
        parser.add_argument("--rate", type=Decimal, help=f"{settings.DEFAULT_CURRENCY} for one unit of the currency")
        parser.add_argument("--stock", type=int, default=0, help="units of a new variant where the file says nothing")
        parser.add_argument("--update-stock", action="store_true", help="count existing variants, too")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            mapping = json.loads(options["mapping"])
            with path.open("rb") as file:
                staged = services.stage_upload(
                    file=file,
                    file_name=path.name,
                    mapping=mapping,
                    dry_run=options["dry_run"],
                    options=services.Options(
                        currency=options["currency"],
                        rate=options["rate"],
                        stock=options["stock"],
                        update_stock=options["update_stock"],
                    ),
                )
        except APIException as refusal:
            raise CommandError(str(refusal.detail)) from None
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}.") from None
        except ValueError as error:
            raise CommandError(f"--mapping is no JSON: {error}.") from None
        job = self._run(services.enqueue(staged))
        for row in selectors.problems_of(job).iterator():
            self.stderr.write(f"line {row.line}: {row.column or 'row'}: {row.message} ({row.code})")
        self.stdout.write(
            f"{path.name}: {job.created:,} created, {job.changed:,} changed, {job.unchanged:,} unchanged, "
            f"{job.refused:,} refused" + " (a dry run: nothing was stored)" * job.dry_run
        )
        if job.state != State.FINISHED:
            raise CommandError(f"The import is {job.state}. {job.failure_detail}".strip())

    def _run(self, job: CatalogueImport) -> CatalogueImport:
        """Do its steps here, whether or not a worker does some of them meanwhile; return it as it ends."""
        while job.state in (State.PENDING, State.RUNNING):
            try:
                running.run_import(job.pk, job.run)
            except Postpone:
                time.sleep(_WAIT)
            job = CatalogueImport.objects.get(pk=job.pk)
        return job
