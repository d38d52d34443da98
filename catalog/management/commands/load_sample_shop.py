"""Fill the shop with the sample catalogue."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.currencies.importing import import_rates
from catalog.importing.sample import SAMPLE_RATES, SAMPLE_SYNONYMS, SampleRefused, load_sample_shop, more
from catalog.importing.writing import ImportRunning
from catalog.models import Product
from catalog.searching.synonyms import add_missing, read_synonyms


class Command(BaseCommand):
    help = "Load the sample shop: a small Kenyan electronics shop to look around in. A repeat makes nothing twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing where there is any product already")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_empty"] and Product.objects.exists():
            self.stdout.write("The shop has products already; nothing was loaded.")
            return
        try:
            loaded = load_sample_shop()
        except (ImportRunning, SampleRefused) as error:
            raise CommandError(str(error)) from None
        # Rates of an ordinary day: in a sample shop nobody loses money by them.
        import_rates(SAMPLE_RATES, source="sample shop")
        add_missing(read_synonyms(SAMPLE_SYNONYMS))
        self.stdout.write(
            f"Sample shop: {loaded.categories} categories, {loaded.brands} brands, {loaded.variants} variants; "
            f"products: {loaded.created} created, {loaded.updated} updated ({loaded.unchanged} of them unchanged)."
        )
        for load in more:
            self.stdout.write(load())
