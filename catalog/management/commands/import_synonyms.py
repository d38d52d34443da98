"""Import synonyms of the search."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog.importing.sample import SAMPLE_SYNONYMS
from catalog.searching.synonyms import InvalidSynonym, add_missing, read_synonyms
from catalog.searching.words import SearchTooLong


class Command(BaseCommand):
    help = (
        "Add synonyms from a CSV file with the columns term,meaning,two_way (yes or empty): all of them, or none. "
        "Without a file, those of the sample shop: Swahili and English, for electronics. See docs/search.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=SAMPLE_SYNONYMS, help="such as synonyms.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            synonyms = read_synonyms(path)
            added = add_missing(synonyms)
        except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
            raise CommandError(f"{path.name}: {error}. Nothing is stored.") from None
        except (InvalidSynonym, SearchTooLong) as error:
            raise CommandError(f"{path.name}: {error}. Nothing is stored.") from None
        self.stdout.write(f"{path.name}: {added} synonyms added, {len(synonyms) - added} known already.")
