"""Accounts and goods for a bench's own shop, made without its API: what is measured begins with them.

``python -m bench.filling COUNT`` runs inside the shop's environment and prints accounts; ``people_of`` asks it to.
"""

import json
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from bench.stand import ROOT, Stand

TOKENS_LAST = timedelta(hours=12)  # a long run must not stop to log everybody in again


@dataclass(frozen=True)
class Person:
    """An account without a password. ``access`` is a token for its requests."""

    id: str
    access: str


@dataclass(frozen=True)
class Goods:
    """A variant that is to be there. ``price`` is in whole shillings; variants of one ``product`` share a page."""

    product: str
    sku: str
    price: int
    units: int


_CATEGORY = """
    INSERT INTO catalog_category (id, category_name, url_key, path, created_at, updated_at)
    SELECT i.id, 'Everything', 'everything', replace(i.id::text, '-', '')::ltree, now(), now()
    FROM (SELECT gen_random_uuid() AS id) AS i
    WHERE NOT EXISTS (SELECT 1 FROM catalog_category WHERE url_key = 'everything')
"""
_PRODUCTS = """
    INSERT INTO catalog_product (
        id, product_name, url_key, description, price, currency, category_id, in_stock, image_url, kind,
        review_count, attributes, is_active, created_at, updated_at
    )
    SELECT gen_random_uuid(), initcap(g.product), g.product, '', min(g.price), 'KES', c.id, FALSE, '', 'physical',
        0, '{}', TRUE, now(), now()
    FROM jsonb_to_recordset(%s) AS g (product text, price int), catalog_category AS c
    WHERE c.url_key = 'everything' GROUP BY g.product, c.id
"""
_VARIANTS = """
    WITH g AS (
        SELECT *, row_number() OVER (PARTITION BY product) - 1 AS position
        FROM jsonb_to_recordset(%s) AS g (product text, sku text, price int, units int)
    ), made AS (
        INSERT INTO catalog_variant (
            id, product_id, sku, mpn, options, price, barcode, image_url, position, is_active, created_at, updated_at
        )
        SELECT gen_random_uuid(), p.id, g.sku, '', jsonb_build_object('no', g.position::text), g.price, '', '',
            g.position, TRUE, now(), now()
        FROM g JOIN catalog_product AS p ON p.url_key = g.product
        RETURNING id, product_id, sku
    ), shelves AS (
        INSERT INTO catalog_stock (variant_id, product_id, available, on_hand)
        SELECT made.id, made.product_id, g.units, g.units FROM made JOIN g USING (sku)
    )
    SELECT made.sku, made.id::text, g.units FROM made JOIN g USING (sku)
"""
_RECEIVED = """
    INSERT INTO catalog_stockmovement (variant_id, kind, available_change, on_hand_change, reason, created_at)
    SELECT g.id::uuid, 'receive', g.units, g.units, 'opening', now()
    FROM jsonb_to_recordset(%s) AS g (id text, units int) WHERE g.units > 0
"""


def stock_goods(stand: Stand, goods: Sequence[Goods]) -> dict[str, str]:
    """Put goods on sale, with their units received; return the variants' ids by SKU."""
    told = json.dumps([asdict(each) for each in goods])
    stand.sql(_CATEGORY)
    stand.sql(_PRODUCTS, told)
    made = stand.sql(_VARIANTS, told)
    stand.sql(_RECEIVED, json.dumps([{"id": variant, "units": units} for _, variant, units in made]))
    return {sku: variant for sku, variant, _ in made}


def people_of(stand: Stand, count: int) -> list[Person]:
    """Make so many customers, each with a token that lasts for the run."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bench.filling", str(count)],
        cwd=ROOT,
        env=stand.environment | {"DJANGO_SETTINGS_MODULE": "ecommerce.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [Person(**each) for each in json.loads(done.stdout)]


def _make_people(count: int) -> list[dict[str, Any]]:
    import django

    django.setup()

    from rest_framework_simplejwt.tokens import AccessToken

    from accounts.models import User
    from accounts.tokens import EPOCH_CLAIM, FAMILY_CLAIM

    before = User.objects.count()
    users = User.objects.bulk_create(
        User(email=f"buyer{before + number}@example.com", username=f"buyer{before + number}", password="!")
        for number in range(count)
    )
    people = []
    for user in users:
        token = AccessToken()
        token.set_exp(lifetime=TOKENS_LAST)
        token["user_id"], token[EPOCH_CLAIM] = str(user.pk), user.session_epoch
        token[FAMILY_CLAIM] = str(uuid.uuid4())
        people.append({"id": str(user.pk), "access": str(token)})
    return people


if __name__ == "__main__":
    print(json.dumps(_make_people(int(sys.argv[1]))))
