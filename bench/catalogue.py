"""How fast the catalogue is read, beside the least that it could cost.

    DATABASE_URL=… REDIS_URL=… python bench/catalogue.py [--products N] [--rounds N] [--seconds S] [--at-once 1,16]

Three servers of the same kind (the shop's own gunicorn, two processes of four threads) take turns in short runs:

    bare   Django without middleware and one hand-written statement for each request (bench/bare.py)
    anew   the shop with CATALOGUE_CACHE=off: every page is made anew, as when nothing is kept or Redis is gone
    first  the shop as it is, asked for what nobody asked for since the last change: the same lists and searches, from a
           lowest price on that all products reach, another one for each request
    kept   the shop as it is: what was made since the last change is not made again

Each request of a run has another address. Times are medians over the rounds; the share is requests a second over those
of the bare one, taken within a round. A database of its own is made beside the one that DATABASE_URL names, filled with
that many products of three variants, and dropped at the end.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import serving  # noqa: E402 - a script finds the checkout's packages only now

CATEGORIES = 50
MOST_ASKED = 2000  # in one run
FILTERED = ("list", "list, bytes", "all, newest", "all, deep", "search", "search, facets")  # what takes a price
WORDS = (
    *("amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "jasper"),
    *("kestrel", "lotus", "marble", "nectar", "onyx", "pebble", "quartz", "raven", "saffron", "tundra"),
    *("umber", "velvet", "willow", "xenon", "yarrow", "zephyr", "acorn", "birch", "cobalt", "dune"),
    *("elm", "flint", "granite", "heron", "iris", "juniper", "kelp", "linen", "maple", "nova"),
)
BARE, ANEW, FIRST, KEPT = "bare", "anew", "first", "kept"
SERVERS: dict[str, tuple[str, dict[str, str]]] = {
    BARE: ("bench.bare:application", {}),
    ANEW: (serving.WSGI, {"CATALOGUE_CACHE": "off"}),
    KEPT: (serving.WSGI, {}),
}
FILL = """
INSERT INTO catalog_category (id, category_name, url_key, path, created_at, updated_at)
SELECT i.id, 'Category ' || n, 'category-' || n, replace(i.id::text, '-', '')::ltree, now(), now()
FROM generate_series(0, {categories} - 1) AS n, LATERAL (SELECT gen_random_uuid() AS id WHERE n IS NOT NULL) AS i;
INSERT INTO catalog_brand (id, name, url_key, created_at, updated_at)
SELECT gen_random_uuid(), 'Brand ' || n, 'brand-' || n, now(), now() FROM generate_series(0, 39) AS n;
INSERT INTO catalog_product (
    id, product_name, url_key, description, price, currency, category_id, brand_id, in_stock, image_url, kind,
    review_count, attributes, is_active, created_at, updated_at
)
SELECT gen_random_uuid(),
    initcap(w.words[1 + n % 40] || ' ' || w.words[1 + n / 40 % 40]) || ' ' || md5(n::text), 'product-' || n,
    repeat('What is said about product ' || n || '. ', 25), 100 + n * 37 % 90000, 'KES', c.id, b.id, FALSE,
    'https://pictures.example/' || md5(n::text) || '.jpg', 'physical', 0,
    jsonb_build_object('color', (ARRAY['black', 'white', 'red', 'blue'])[1 + n % 4], 'weight', n % 100), TRUE,
    now() - n * interval '1 minute', now()
FROM generate_series(0, {products} - 1) AS n
CROSS JOIN (SELECT string_to_array('{words}', ' ') AS words) AS w
JOIN catalog_category AS c ON c.url_key = 'category-' || n % {categories}
JOIN catalog_brand AS b ON b.url_key = 'brand-' || n % 37;
INSERT INTO catalog_variant (
    id, product_id, sku, mpn, options, price, barcode, image_url, position, is_active, created_at, updated_at
)
SELECT gen_random_uuid(), p.id, p.url_key || '-' || v, '', jsonb_build_object('size', v), p.price + v, '', '', v, TRUE,
    now(), now()
FROM catalog_product AS p, generate_series(0, 2) AS v;
INSERT INTO catalog_stock (variant_id, product_id, available, on_hand)
SELECT id, product_id, 20, 20 FROM catalog_variant;
"""


# By name: which bare one it stands beside, that one's addresses, and the shop's.
Operations = dict[str, tuple[str, list[str], list[str]]]


def paths(products: int) -> Operations:
    """Return what is measured."""
    leaf = [(f"category-{n}", page) for page in range(1, 6) for n in range(CATEGORIES)]
    keys = [f"product-{n * 7919 % products}" for n in range(1000)]
    listed = [f"/list?category={key}&page={page}" for key, page in leaf]
    shop = "/api/products/"
    deepest = min(products // 20, 450)
    return {
        "list": ("list", listed, [f"{shop}?category={key}&ordering=product_name&page={page}" for key, page in leaf]),
        "list, bytes": (
            "kept",
            [f"/kept?key={n}" for n in range(250)],
            [f"{shop}?category={key}&ordering=product_name&page={page}" for key, page in leaf],
        ),
        "all, newest": ("list", listed, [f"{shop}?page={page}" for page in range(1, 21)]),
        "all, deep": ("list", listed, [f"{shop}?page={page}" for page in range(deepest - 20, deepest + 1)]),
        "detail": ("detail", [f"/detail/{key}" for key in keys], [f"{shop}{key}/" for key in keys]),
        "search": (
            "search",
            [f"/search?search={word}" for word in WORDS],
            [f"{shop}?search={word}" for word in WORDS],
        ),
        "search, facets": (
            "search",
            [f"/search?search={word}" for word in WORDS],
            [f"{shop}search/?q={word}" for word in WORDS],
        ),
        "suggest": (
            "search",
            [f"/search?search={word}" for word in WORDS],
            [f"{shop}suggest/?q={word[:4]}" for word in WORDS],
        ),
    }


_prices = count(1)  # in cents; everything costs a hundred shillings at least


def never_asked(addresses: Sequence[str]) -> list[str]:
    """Return addresses that find the same as these, and that no run had before: enough of them for one run."""
    prices = [next(_prices) for _ in range(ceil(MOST_ASKED / len(addresses)))]
    return [f"{address}&min_price={price / 100}" for price in prices for address in addresses]


@contextmanager
def shop_of(products: int) -> Iterator[dict[str, str]]:
    """Make a database with so many products; give the environment that leads to it."""
    import psycopg2

    server, name = os.environ["DATABASE_URL"], f"bench_catalogue_{os.getpid()}"
    address = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    environment = os.environ | {
        "ENVIRONMENT": "local",
        "ENV_FILES": "none",
        "DATABASE_URL": address,
        "CACHE_KEY_PREFIX": name,
        "THROTTLE_ANONYMOUS": "999999999/3600",
        "DJANGO_SETTINGS_MODULE": "ecommerce.settings",
    }
    with ExitStack() as ending:
        connection = psycopg2.connect(server)
        ending.callback(connection.close)
        connection.autocommit = True
        connection.cursor().execute(f'CREATE DATABASE "{name}"')
        ending.callback(connection.cursor().execute, f'DROP DATABASE "{name}" WITH (FORCE)')
        _manage(environment, "migrate", "-v0")
        filling = psycopg2.connect(address)
        ending.callback(filling.close)
        filling.autocommit = True
        statement = FILL.format(categories=CATEGORIES, products=products, words=" ".join(WORDS))
        filling.cursor().execute(statement)
        _manage(environment, "rebuild_search")
        filling.cursor().execute("VACUUM (ANALYZE)")
        yield environment


def _manage(environment: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-W", "ignore", "manage.py", *words]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def measure(
    ports: dict[str, int], operations: Operations, rounds: int, seconds: float, at_once: Sequence[int]
) -> dict[tuple[str, int, str], list[tuple[serving.Run, float]]]:
    """Return, by operation, connections and server, what each round saw, with its share of the bare one."""
    seen: dict[tuple[str, int, str], list[tuple[serving.Run, float]]] = {}
    for turn in range(rounds):
        for operation, (_, bare, shop) in operations.items():
            for connections in at_once:
                if turn == 0 and connections == at_once[0]:
                    for server in (ANEW, KEPT, KEPT):
                        serving.load(ports[server], shop, 4, 1.0)  # warms up
                base = serving.load(ports[BARE], bare, connections, seconds)
                seen.setdefault((operation, connections, BARE), []).append((base, 1.0))
                for server in (ANEW, FIRST, KEPT):
                    if server == FIRST and operation not in FILTERED:
                        continue
                    asked = never_asked(shop) if server == FIRST else shop
                    run = serving.load(ports[KEPT if server == FIRST else server], asked, connections, seconds)
                    seen.setdefault((operation, connections, server), []).append(
                        (run, run.per_second / base.per_second)
                    )
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.6, help="of one run")
    parser.add_argument("--only", default="", help="operations, with colons between")
    parser.add_argument("--at-once", default="1,16", help="connections, comma-separated")
    options = parser.parse_args()
    at_once = [int(number) for number in options.at_once.split(",")]
    with ExitStack() as running:
        environment = running.enter_context(shop_of(options.products))
        ports = {
            name: running.enter_context(_served(application, environment | further))
            for name, (application, further) in SERVERS.items()
        }
        only = options.only.split(":") if options.only else None
        operations = {
            name: addresses for name, addresses in paths(options.products).items() if only is None or name in only
        }
        seen = measure(ports, operations, options.rounds, options.seconds, at_once)
    print(f"{options.products:,} products")
    print(f"{'operation':<16}{'c':>3}  {'server':<6}{'req/s':>8}{'p50 ms':>9}{'p99 ms':>9}{'share':>8}")
    for (operation, connections, server), runs in seen.items():
        rate, middle, tail = (
            statistics.median(getattr(run, name) for run, _ in runs) for name in ("per_second", "middle", "slowest")
        )
        share = statistics.median(share for _, share in runs)
        print(f"{operation:<16}{connections:>3}  {server:<6}{rate:>8.0f}{middle:>9.2f}{tail:>9.1f}{share:>8.0%}")


@contextmanager
def _served(application: str, environment: dict[str, str]) -> Iterator[int]:
    words = ("--workers", "2", "--threads", str(serving.THREADS), application)
    with serving.served(words, environment, ready=["/healthz"]) as (port, _):
        yield port


if __name__ == "__main__":
    main()
