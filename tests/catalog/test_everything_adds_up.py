"""Files, editors, counts and transfers, one after the other: stock adds up, and each unit says where and why."""

from typing import Any

import pytest
from django.core.management import call_command

from catalog.inventory import counting
from catalog.models import StockMovement, Variant
from tests.catalog.editing import PRODUCTS, charger
from tests.catalog.exchange import counts, run, shown
from tests.catalog.inventory import lying, main, move, warehouse
from tests.clients import client_for
from tests.factories import UserFactory, buy
from tests.invariants import assert_ratings_hold, assert_stock_holds

FILE = "url_key,sku,name,price,stock,tags\nlamp,LAMP,Lamp,1500,{lamp},Sale\nplug,PLUG,Plug,90,{plug},\n"


def movements() -> list[tuple[Any, ...]]:
    rows = StockMovement.objects.order_by("id").values_list(
        "variant__sku", "kind", "warehouse__code", "on_hand_change", "reason"
    )
    return list(rows)


@pytest.mark.django_db(transaction=True)
def test_stock_adds_up_after_imports_edits_counts_transfers_and_an_undo(staff, run_owed_work):
    client, msa = client_for(staff), warehouse("MSA", position=9)

    first = run(client, run_owed_work, FILE.format(lamp=10, plug=4))
    again = run(client, run_owed_work, FILE.format(lamp=12, plug=3), update_stock=True)
    made = client.post(PRODUCTS, charger(tags=["sale"]))
    lamp, plug, anker = (Variant.objects.get(sku=sku) for sku in ("LAMP", "PLUG", "ANK-BLK"))
    move(lamp.pk, 5, main(), msa)
    sheet = counting.upload_count(
        warehouse=msa, name="shelf.csv", raw=b"sku,counted\nLAMP,4\n", counted_at=None, actor=staff
    )
    counting.apply_count(sheet.pk, actor=staff)
    buy(UserFactory(), anker.product, quantity=2)
    client.post(f"/api/imports/{again['id']}/undo/")
    run_owed_work()

    assert (counts(first), counts(again), made.status_code) == ((2, 0, 0, 0), (0, 2, 0, 0), 201)
    assert shown(client, again["id"])["state"] == "undone"
    told = movements()
    assert [*told[:-2], *sorted(told[-2:])] == [  # an undo takes back by the batch
        ("LAMP", "receive", "MAIN", 10, f"import {first['id']}"),
        ("PLUG", "receive", "MAIN", 4, f"import {first['id']}"),
        ("LAMP", "count", "MAIN", 2, f"import {again['id']}"),
        ("PLUG", "count", "MAIN", -1, f"import {again['id']}"),
        ("ANK-BLK", "receive", "MAIN", 5, "first stock"),
        ("LAMP", "transfer", "MAIN", -5, ""),
        ("LAMP", "transfer", "MSA", 5, ""),
        ("LAMP", "count", "MSA", -1, "shelf.csv"),
        ("ANK-BLK", "reserve", None, 0, ""),
        ("ANK-BLK", "sell", "MAIN", -2, ""),
        ("LAMP", "adjust", "MAIN", -2, f"undo of import {again['id']}"),
        ("PLUG", "adjust", "MAIN", 1, f"undo of import {again['id']}"),
    ]
    assert [lying(variant.pk) for variant in (lamp, plug, anker)] == [{"MAIN": 5, "MSA": 4}, {"MAIN": 4}, {"MAIN": 3}]
    assert_stock_holds()
    assert_ratings_hold()
    call_command("check_catalogue")
