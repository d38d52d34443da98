"""How long an import with variants takes, and how much memory.

    DATABASE_URL=… REDIS_URL=… python bench/importing.py [--sizes 10000,100000] [--variants 3] [--form csv] [--short]

For each size a file of that many made-up products is written, with so many variants each, brands, a category tree,
HTML descriptions and stock; a database of its own is made beside the one that DATABASE_URL names, and dropped at the
end. The file is uploaded and imported step by step, as a worker does it, then imported once more (which changes
nothing), exported, and undone. The ratio is to a bare COPY of the very same rows into tables of the same form, with the
same indexes, in the same run. Memory is the largest of the process. The exit code is 1 above the limits: 30 s for
10,000 products, 6 minutes for 100,000, 600 MiB.
"""

import argparse
import csv
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SECONDS = {10_000: 30.0, 100_000: 360.0}
MEBIBYTES = 600
WORDS = (
    *("solar", "phone", "charger", "cable", "battery", "screen", "black", "steel", "wireless", "portable", "laptop"),
    *("speaker", "camera", "memory", "kitchen", "garden", "smart", "light", "power", "fast", "quiet", "strong", "blue"),
)
TABLES = ("catalog_product", "catalog_variant", "catalog_stock", "catalog_stockmovement")
HEADER = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Tags", "Published", "Option1 Name"),
    *("Option1 Value", "Variant SKU", "Variant Grams", "Variant Inventory Qty", "Variant Price"),
    *("Variant Compare At Price", "Variant Barcode", "Image Src", "Status"),
)


def products(amount: int, variants: int) -> Iterator[list[str]]:
    """Yield the rows of a Shopify file, the same ones each time."""
    chance = random.Random(20261121)
    for number in range(amount):
        title = " ".join(chance.choices(WORDS, k=5)).title() + f" {number}"
        body = "<p>" + " ".join(chance.choices(WORDS, k=80)) + "</p>"
        category = f"Department {number % 20} > Shelf {number % 400}"
        price = chance.randrange(100, 90_000)
        handle, brand, picture = f"item-{number}", f"Brand {number % 300}", f"https://cdn.example/{number}.jpg"
        for place in range(variants):
            first = [title, body, brand, category, "new, tested", "TRUE", "Size"] if place == 0 else [""] * 7
            own = [f"Size {place}", f"SKU-{number}-{place}", "450", "7", str(price + 100 * place), str(price + 5000)]
            yield [handle, *first, *own, "", picture if place == 0 else "", "active" if place == 0 else ""]


def write_file(path: Path, amount: int, variants: int, form: str) -> None:
    if form == "xlsx":
        from catalog.exchange.formats import xlsx_file

        with path.open("wb") as book:
            for piece in xlsx_file(HEADER, ([row] for row in products(amount, variants))):
                book.write(piece)
        return
    with path.open("w", newline="") as file:
        writer: Any = csv.writer(file)
        if form == "csv":
            writer.writerow(HEADER)
            writer.writerows(products(amount, variants))
            return
        for row in products(amount, variants):
            file.write(json.dumps(dict(zip(HEADER, row, strict=True))) + "\n")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def bare_copy() -> float:
    """Copy the rows that are in the shop's tables into new ones of the same form; return the seconds of the writing."""
    from django.db import connection

    seconds = 0.0
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for name in TABLES:
            with io.BytesIO() as rows:
                cursor.cursor.copy_expert(f"COPY {name} TO STDOUT", rows)
                cursor.execute(f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING ALL)")
                rows.seek(0)
                seconds += timed(lambda: cursor.cursor.copy_expert(f"COPY bare_{name} FROM STDIN", rows))[0]  # noqa: B023
            cursor.execute(f"DROP TABLE bare_{name}")
        cursor.execute("SET statement_timeout = '15s'")
    return seconds


def take(path: Path) -> Any:
    """Upload a file and do all steps of its import, as the relay and a worker would; return the import."""
    from catalog.exchange import running, services
    from catalog.exchange.models import CatalogueImport

    with path.open("rb") as file:
        staged = services.stage_upload(file=file, file_name=path.name, options=services.Options())
    job = services.enqueue(staged)
    while job.state in ("pending", "running"):
        running.run_import(UUID(str(job.pk)), job.run)
        job = CatalogueImport.objects.get(pk=job.pk)
    if job.state != "finished":
        raise SystemExit(f"The import is {job.state}: {job.failure_detail}")
    return job


def undo(pk: UUID) -> None:
    from catalog.exchange import services, undoing
    from catalog.exchange.models import CatalogueImport

    services.undo_import_changes(pk)
    while CatalogueImport.objects.get(pk=pk).state == "undoing":
        undoing.undo_import(pk)


def memory() -> int:
    """Return the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(path: Path, size: int, variants: int, *, short: bool) -> bool:
    """Print the figures of one size; return whether they are within the limits."""
    from catalog.exchange.exporting import export
    from catalog.models import Product

    at_start = memory()
    seconds, job = timed(lambda: take(path))
    most = memory()
    print(f"{size:,} products, {size * variants:,} variants, {path.suffix[1:]} of {path.stat().st_size / 1e6:,.0f} MB")
    print(f"  import           {seconds:>8.1f} s   {size / seconds:>8,.0f} products/s   {most} MiB ({at_start} before)")
    copied = bare_copy()
    print(f"  bare COPY        {copied:>8.1f} s   ratio {seconds / copied:.1f}")
    limit = SECONDS.get(size, SECONDS[100_000] * size / 100_000 + 10)
    within = job.created == size and seconds <= limit and most <= MEBIBYTES
    if short:
        return within
    again, repeated = timed(lambda: take(path))
    print(f"  again, unchanged {again:>8.1f} s   {repeated.unchanged:,} unchanged, {repeated.changed} changed")
    out, _ = timed(lambda: sum(len(piece) for piece in export(Product.objects.all(), "csv")))
    print(f"  export as CSV    {out:>8.1f} s")
    back, _ = timed(lambda: undo(job.pk))
    print(f"  undo             {back:>8.1f} s   {memory()} MiB at most", flush=True)
    return within and repeated.unchanged == size and not Product.objects.for_sale().exists()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000", help="products, comma-separated")
    parser.add_argument("--variants", type=int, default=3, help="of each product")
    parser.add_argument("--form", choices=["csv", "ndjson", "xlsx"], default="csv")
    parser.add_argument("--short", action="store_true", help="the import and the bare COPY alone")
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)  # one size, in a process of its own
    options = parser.parse_args()
    if options.size is None:
        arguments = [
            "--variants",
            str(options.variants),
            "--form",
            options.form,
            *["--short"] * options.short,
            "--size",
        ]
        commands = [[sys.executable, "-W", "ignore", __file__, *arguments, size] for size in options.sizes.split(",")]
        sys.exit(max(subprocess.run(command, check=False).returncode for command in commands))
    os.environ.update(ENVIRONMENT="local", LOG_LEVEL="ERROR", DJANGO_SETTINGS_MODULE="ecommerce.settings")
    os.environ["IMPORT_MAX_MEGABYTES"] = "4096"
    from bench.search import database, manage

    with TemporaryDirectory() as folder, database(f"bench_importing_{os.getpid()}"):
        import django

        django.setup()
        from django.conf import settings

        settings.MEDIA_ROOT = Path(folder) / "media"
        manage("migrate", "-v0")
        path = Path(folder) / f"products.{options.form}"
        write_file(path, options.size, options.variants, options.form)
        within = measure(path, options.size, options.variants, short=options.short)
        django.db.connections.close_all()
    sys.exit(not within)


if __name__ == "__main__":
    main()
