"""How well, and how fast, the search finds things in a real catalogue.

    DATABASE_URL=… REDIS_URL=… python bench/search.py FILE.ndjson.gz [--sizes 10000,41217] [--rounds 5]

For each size a database of its own is made beside the one that DATABASE_URL names, filled with that many products of
the file (and with copies of them under other keys, when the file has fewer), and dropped at the end. The hit rate is
over the labelled queries of bench/search_labels.py: one of the first three results is what was meant. Times are of
whole requests in one process, without a network; the ratio is to a bare SQL statement (the 20 best by ts_rank for one
text) that takes turns with them, so that a noisy neighbour hurts all alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ENOUGH = 0.95
WORDS = (
    *("samsung", "iphone", "corsair", "keyboard", "headphones", "monitor", "laptop", "printer", "router", "charger"),
    *("gaming mouse", "hdmi cable", "black case", "power supply", "usb hub", "ink cartridge", "ssd 1tb", "8gb memory"),
)
BEGUN = ("s", "sam", "samsu", "key", "head", "cool", "cooler ma", "moni", "lapt", "prin", "hdm", "gal", "usb c", "ssd")
SLIPS = ("samsng", "keybord", "hedphones", "moniter", "labtop", "priner", "corsiar", "chargr")
BARE = """
SELECT id, product_name, price, ts_rank(search_vector, query) AS rank
FROM catalog_product, to_tsquery('simple', %s) AS query
WHERE is_active AND deleted_at IS NULL AND search_vector @@ query ORDER BY rank DESC, id LIMIT 20
"""
# Copies under numbers of their own, for more products than the file has.
COPY = """
INSERT INTO catalog_product (
    id, product_name, url_key, description, price, currency, category_id, brand_id, in_stock, image_url, picture, kind,
    review_count, attributes, is_active, created_at, updated_at, search_vector, facets
)
SELECT
    gen_random_uuid(), product_name, gen_random_uuid()::text, description, price, currency, category_id, brand_id,
    in_stock, image_url, picture, kind, review_count, attributes, is_active, created_at, updated_at, search_vector,
    facets
FROM catalog_product ORDER BY id LIMIT %s
"""


@contextmanager
def database(name: str) -> Iterator[None]:
    """Make an empty database with the shop's tables, and let Django use it."""
    import psycopg2

    server = os.environ["DATABASE_URL"]
    with ExitStack() as ending:
        connection = psycopg2.connect(server)
        ending.callback(connection.close)
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{name}"')
        ending.callback(connection.cursor().execute, f'DROP DATABASE "{name}" WITH (FORCE)')
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        ending.callback(os.environ.__setitem__, "DATABASE_URL", server)
        yield


def fill(file: Path, size: int) -> int:
    """Put ``size`` products into the shop; return how many of them are copies."""
    from django.db import connection

    from bench.search_labels import write_sample
    from catalog.searching.indexing import refresh_vocabulary

    manage("migrate", "-v0")
    with TemporaryDirectory() as folder:
        manage("import_catalogue", str(write_sample(file, Path(folder) / "sample.ndjson.gz", size=size)))
    copies = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalog_product")
        amount = cursor.fetchone()[0]
        while amount + copies < size:
            cursor.execute(COPY, [min(amount, size - amount - copies)])
            copies += cursor.rowcount
        cursor.execute("VACUUM (ANALYZE) catalog_product")
    refresh_vocabulary()
    return copies


def manage(*words: str) -> None:
    command = [sys.executable, "-W", "ignore", "manage.py", *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def hit_rate() -> float:
    """Ask all labelled queries; print the misses and the rate of each kind."""
    from bench.search_labels import FIRST, labels, read_rows
    from catalog.searching.criteria import Criteria
    from catalog.searching.finding import find

    rows = read_rows()
    asked, hits = Counter[str](), Counter[str]()
    for label in labels(rows):
        first = find(label.query, Criteria(), order=None, start=0, size=FIRST).products
        hit = any(label.is_meant(rows[product["id"]]) for product in first)
        asked[label.kind] += 1
        hits[label.kind] += hit
        if not hit:
            print(f"  missed: {label.query} ({label.kind})")
    for kind, amount in asked.items():
        print(f"  {kind:<30}{hits[kind]:>4} of {amount}")
    rate = hits.total() / asked.total()
    print(f"  hit in the first {FIRST}: {hits.total()} of {asked.total()}, {rate:.1%}")
    return rate


def timings(rounds: int) -> None:
    """Print how long each kind of request takes, beside the bare statement."""
    from django.core.cache import cache
    from django.db import connection
    from django.test import Client

    client = Client()
    cursor = connection.cursor()

    def get(path: str, **query: str) -> None:
        answer = client.get(path, query)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} {query}: {answer.status_code} {answer.content[:200]!r}")

    def bare(word: str) -> None:
        cursor.execute(BARE, [" & ".join(word.split())])
        cursor.fetchall()

    kinds: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
        "bare": (bare, WORDS),
        "list": (lambda n: get("/api/products/", page=n), tuple(str(n) for n in range(1, 19))),
        "search": (lambda text: get("/api/products/", q=text), WORDS),
        "search + facets": (lambda text: get("/api/products/search/", q=text), WORDS),
        "misspelt + facets": (lambda text: get("/api/products/search/", q=text), SLIPS),
        "suggest": (lambda text: get("/api/products/suggest/", q=text), BEGUN),
        "suggest, misspelt": (lambda text: get("/api/products/suggest/", q=text), SLIPS),
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds + 1):
        cache.clear()
        for n in range(max(len(texts) for _, texts in kinds.values())):
            for kind, (ask, texts) in kinds.items():
                began = time.perf_counter()
                ask(texts[n % len(texts)])
                if turn:  # the first round warms up
                    took[kind].append(1000 * (time.perf_counter() - began))
    base = statistics.median(took["bare"])
    print(f"  {'':<20}{'median ms':>10}{'p95 ms':>10}{'of bare':>10}")
    for kind, times in took.items():
        middle, tail = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
        print(f"  {kind:<20}{middle:>10.1f}{tail:>10.1f}{middle / base:>9.1f}×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--sizes", default="10000,41217", help="products, comma-separated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)  # one size, in a process of its own
    options = parser.parse_args()
    if options.size is None:
        arguments = [str(options.file), "--rounds", str(options.rounds), "--size"]
        commands = [[sys.executable, "-W", "ignore", __file__, *arguments, size] for size in options.sizes.split(",")]
        sys.exit(max(subprocess.run(command, check=False).returncode for command in commands))
    os.environ.update(ENVIRONMENT="local", ENV_FILES="none", LOG_LEVEL="ERROR", ALLOWED_HOSTS="testserver")
    os.environ.update(THROTTLE_ANONYMOUS="999999999/3600", CACHE_KEY_PREFIX=f"bench_search_{os.getpid()}")
    os.environ["DJANGO_SETTINGS_MODULE"] = "ecommerce.settings"
    with database(f"bench_search_{os.getpid()}"):
        import django

        django.setup()
        copies = fill(options.file, options.size)
        print(f"{options.size:,} products" + f", {copies:,} of them copies" * bool(copies), flush=True)
        rate = hit_rate()
        timings(options.rounds)
        django.db.connections.close_all()
    sys.exit(rate < ENOUGH)


if __name__ == "__main__":
    main()
