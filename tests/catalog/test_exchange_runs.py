"""Imports as they run: dry, interrupted, one after the other, cancelled, undone."""

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from rest_framework.test import APIClient

from catalog import services as catalog_services
from catalog import stock
from catalog.exchange import running, services, sweeping, undoing
from catalog.exchange.models import CatalogueImport, ImportChange
from catalog.importing.writing import import_lock
from catalog.models import Brand, Category, Product, Stock, Variant
from ecommerce.models import OutboxMessage
from ecommerce.outbox import Postpone
from tests.catalog.exchange import counts, errors, run, shown, stored, upload
from tests.catalog.feed import snapshot, stock_that_differs_from_its_ledger
from tests.clients import client_for
from tests.factories import ProductFactory, variant_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

FILE = """handle,title,brand,category,option1 name,option1 value,sku,price,stock
lamp,Solar Lamp,d.light,Power > Lamps,Color,Black,LAMP-B,1500,5
lamp,,,,,White,LAMP-W,1600,5
torch,Torch,d.light,Power,,,TORCH,900,3
"""


@pytest.fixture
def client(staff) -> APIClient:
    return client_for(staff)


def many(number: int, price: int = 100) -> str:
    lines = [f"Thing {n},T-{n},{price},2" for n in range(number)]
    return "name,sku,price,stock\n" + "\n".join(lines) + "\n"


def state_of(job: dict[str, Any] | CatalogueImport) -> str:
    pk = job["id"] if isinstance(job, dict) else job.pk
    return CatalogueImport.objects.values_list("state", flat=True).get(pk=pk)


def without_times(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        name: [{key: value for key, value in row.items() if key != "updated_at"} for row in kept]
        for name, kept in rows.items()
    }


# --- Dry run --------------------------------------------------------------------------------------------------


def test_dry_run_says_what_would_happen_and_changes_nothing(client, run_owed_work):
    ProductFactory(product_name="Old Lamp", url_key="lamp", sku="LAMP-B", price=Decimal("1400"))
    before = snapshot()

    dry = run(client, run_owed_work, FILE + "bad,Bad,,,,,BAD,x,1\n", dry_run=True, update_stock=True)

    assert snapshot() == before
    assert ImportChange.objects.count() == 0
    assert (dry["state"], dry["progress"], counts(dry)) == ("finished", 100, (1, 1, 0, 1))
    assert errors(client, dry) == [(5, "price", "bad_price")]
    told = {difference["key"]: difference for difference in dry["differences"]}
    assert (told["torch"]["action"], told["torch"]["line"]) == ("created", 4)
    assert (told["lamp"]["action"], told["lamp"]["new_variants"]) == ("updated", 1)
    changes = told["lamp"]["changes"]
    assert (changes["product_name"], changes["price"], changes["stock"]) == (
        ["Old Lamp", "Solar Lamp"],
        ["1400.00", "1500.00"],
        [10, 5],
    )


def test_started_after_its_dry_run_an_import_does_just_that(client, run_owed_work):
    dry = run(client, run_owed_work, FILE, dry_run=True)

    answer = client.post(f"/api/imports/{dry['id']}/start/", {})
    run_owed_work()
    done = shown(client, dry["id"])

    assert (answer.status_code, answer.json()["state"], answer.json()["created"]) == (200, "pending", 0)
    assert (done["dry_run"], done["state"], counts(done)) == (False, "finished", counts(dry))
    assert Product.objects.count() == 2
    again = client.post(f"/api/imports/{dry['id']}/start/", {})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "import_state")


def test_dry_run_is_repeated_with_another_mapping(client, run_owed_work):
    dry = run(client, run_owed_work, "name,code,price\nLamp,L-1,5\n", dry_run=True)

    answer = client.post(f"/api/imports/{dry['id']}/start/", {"dry_run": True, "mapping": {"code": "sku"}})
    bad = client.post(f"/api/imports/{dry['id']}/start/", {"mapping": {"code": "colour"}})
    run_owed_work()

    assert (answer.status_code, answer.json()["mapping"]["code"]) == (200, "sku")
    assert bad.status_code == 409  # it runs already
    client.post(f"/api/imports/{dry['id']}/start/", {})
    run_owed_work()
    assert Variant.objects.get().sku == "L-1"


# --- Repeated, interrupted ------------------------------------------------------------------------------------


def test_second_run_changes_nothing(client, run_owed_work):
    run(client, run_owed_work, FILE)
    before = snapshot()

    told = run(client, run_owed_work, FILE, update_stock=True)

    assert (counts(told), snapshot()) == ((0, 0, 2, 0), before)


def test_steps_are_short_and_the_next_one_is_owed(client, run_owed_work, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 3)
    monkeypatch.setattr(running, "STEP", 0)

    answer = upload(client, many(8))
    ran = run_owed_work()

    assert ran.count("catalog.run_import") == 4  # three batches, and one that finds nothing left
    assert (counts(shown(client, answer.json()["id"])), Product.objects.count()) == ((8, 0, 0, 0), 8)
    assert stock_that_differs_from_its_ledger() == []


def test_step_that_comes_twice_does_nothing_twice(client, run_owed_work):
    told = run(client, run_owed_work, many(3))
    before = snapshot()

    services_run = CatalogueImport.objects.get(pk=told["id"])
    running.run_import(services_run.pk, services_run.run)
    running.run_import(services_run.pk, services_run.run - 1)

    assert (snapshot(), shown(client, told["id"])) == (before, told)


def test_batch_that_fails_leaves_neither_products_nor_counts(client, run_owed_work, monkeypatch):
    def fails(*_: Any) -> None:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(running, "_keep", fails)
        answer = upload(client, FILE)
        run_owed_work()
    job = shown(client, answer.json()["id"])

    assert (job["state"], counts(job), Product.objects.count()) == ("running", (0, 0, 0, 0), 0)
    OutboxMessage.objects.filter(topic="catalog.run_import").update(next_attempt_at=Now())
    run_owed_work()
    assert (shown(client, job["id"])["state"], Product.objects.count()) == ("finished", 2)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_worker_is_followed_by_one_that_goes_on_behind_the_last_batch(client, media):
    pk = upload(client, many(6000)).json()["id"]
    code = (
        "import sys, uuid, django; from django.conf import settings; django.setup();"
        f"settings.DATABASES['default']['NAME'] = {connection.settings_dict['NAME']!r};"
        f"settings.MEDIA_ROOT = {str(media)!r};"
        "from catalog.exchange import running; running.BATCH = 100; running.run_import(uuid.UUID(sys.argv[1]), 1)"
    )
    root = str(Path(__file__).resolve().parents[2])
    child = subprocess.Popen([sys.executable, "-c", code, pk], cwd=root, env=os.environ | {"PYTHONPATH": root})
    deadline = time.monotonic() + 40
    while CatalogueImport.objects.get(pk=pk).done < 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait(10)

    left = job = CatalogueImport.objects.get(pk=pk)
    while job.state == "running":
        assert time.monotonic() < deadline + 120
        try:
            running.run_import(left.pk, 1)  # a step, which on a slow machine is not the whole file
        except Postpone:  # the server has not noticed yet that the other one is gone
            time.sleep(0.05)
        job = CatalogueImport.objects.get(pk=pk)

    assert (left.state, left.created) == ("running", left.done)
    assert 200 <= left.done < 6000
    assert (job.state, job.created, job.changed, job.unchanged, job.refused) == ("finished", 6000, 0, 0, 0)
    assert (Product.objects.count(), Variant.objects.count()) == (6000, 6000)
    assert ImportChange.objects.filter(catalogue_import=job).count() == 6000
    assert Stock.objects.filter(available=2).count() == 6000
    assert stock_that_differs_from_its_ledger() == []


def test_abandoned_import_fails_and_lets_the_next_one_begin(client, run_owed_work, monkeypatch):
    stuck = upload(client, FILE).json()
    CatalogueImport.objects.filter(pk=stuck["id"]).update(state="running")
    OutboxMessage.objects.filter(topic="catalog.run_import").update(dead_at=timezone.now())
    waiting = upload(client, many(2)).json()
    run_owed_work()
    before = state_of(waiting)

    sweeping.sweep()
    OutboxMessage.objects.filter(dead_at=None).update(next_attempt_at=Now())
    run_owed_work()

    assert (before, state_of(waiting)) == ("pending", "finished")
    assert (shown(client, stuck["id"])["state"], shown(client, stuck["id"])["failure"]) == ("failed", "import_not_done")


def test_lost_file_fails_the_import_by_name(client, run_owed_work, media):
    answer = upload(client, FILE)
    for path in stored(media):
        path.unlink()
    run_owed_work()

    told = shown(client, answer.json()["id"])

    assert (told["state"], told["failure"], Product.objects.count()) == ("failed", "import_file_gone", 0)


# --- Several at once ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_imports_started_together_run_one_after_the_other(client, together):
    first = [f"A {n},T-{n},100,2" for n in range(300)]
    second = [f"B {n},T-{n},200,2" for n in reversed(range(300))]
    jobs = [
        CatalogueImport.objects.get(pk=upload(client, "name,sku,price,stock\n" + "\n".join(lines)).json()["id"])
        for lines in (first, second)
    ]

    def work(job: CatalogueImport) -> None:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                running.run_import(job.pk, 1)
            except Postpone:
                time.sleep(0.02)
            else:
                return

    results = together(*(lambda job=job: work(job) for job in jobs))

    assert results == [None, None]
    names = {name[0] for name in Product.objects.values_list("product_name", flat=True)}
    assert (names in ({"A"}, {"B"}), Product.objects.count(), Variant.objects.count()) == (True, 300, 300)
    told = [CatalogueImport.objects.get(pk=job.pk) for job in jobs]
    assert [job.state for job in told] == ["finished", "finished"]
    assert sorted((job.created, job.changed) for job in told) == [(0, 300), (300, 0)]
    assert stock_that_differs_from_its_ledger() == []


@pytest.mark.django_db(transaction=True)
def test_import_waits_for_the_command(client, together):
    job = CatalogueImport.objects.get(pk=upload(client, FILE).json()["id"])

    with import_lock():
        (result,) = together(lambda: running.run_import(job.pk, 1))

    assert (isinstance(result, Postpone), Product.objects.count()) == (True, 0)


def test_cancelled_import_stops_before_its_next_batch_and_can_be_undone(client, run_owed_work, monkeypatch):
    monkeypatch.setattr(running, "BATCH", 2)
    job = upload(client, many(6)).json()
    original = running._store

    def cancelling(*arguments: Any) -> Any:
        result = original(*arguments)
        services.cancel_import(result.pk)
        return result

    monkeypatch.setattr(running, "_store", cancelling)
    run_owed_work()
    told = shown(client, job["id"])

    assert (told["state"], told["created"], Product.objects.count()) == ("cancelled", 2, 2)
    assert client.post(f"/api/imports/{job['id']}/cancel/").status_code == 409
    assert client.post(f"/api/imports/{job['id']}/undo/").status_code == 200
    run_owed_work()
    assert (state_of(job), Product.objects.for_sale().count()) == ("undone", 0)


def test_waiting_import_is_cancelled_at_once(client, run_owed_work):
    job = upload(client, FILE).json()

    answer = client.post(f"/api/imports/{job['id']}/cancel/")
    run_owed_work()

    assert (answer.json()["state"], state_of(job), Product.objects.count()) == ("cancelled", "cancelled", 0)


# --- Undo -----------------------------------------------------------------------------------------------------


def test_undo_gives_back_what_was_there(client, run_owed_work):
    ProductFactory(product_name="Old Lamp", url_key="lamp", sku="LAMP-B", price=Decimal("1400"), stock=9)
    before = without_times(snapshot())
    told = run(client, run_owed_work, FILE, update_stock=True)

    answer = client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()
    undone = shown(client, told["id"])

    assert (answer.json()["state"], undone["state"], undone["kept_changes"]) == ("undoing", "undone", 0)
    after = without_times(snapshot())
    assert after["Product"][0] | {"search_vector": None} == before["Product"][0] | {"search_vector": None}
    assert after["Variant"][0] == before["Variant"][0]
    assert Product.objects.get(url_key="torch").deleted_at is not None
    assert Variant.objects.get(sku="LAMP-W").is_active is False
    assert variant_of_sku("LAMP-B").stock_level.available == 9
    kinds = Variant.objects.get(sku="LAMP-B").movements.order_by("pk").values_list("kind", "available_change")
    assert list(kinds) == [("receive", 9), ("count", -4), ("adjust", 4)]
    assert stock_that_differs_from_its_ledger() == []
    repeated = client.post(f"/api/imports/{told['id']}/undo/")
    assert (repeated.status_code, repeated.json()["errors"][0]["code"]) == (409, "import_state")


def variant_of_sku(sku: str) -> Variant:
    return Variant.objects.select_related("stock_level").get(sku=sku)


def test_undo_keeps_what_somebody_has_changed_since_and_says_so(client, run_owed_work, staff):
    product = ProductFactory(product_name="Old", sku="A", url_key="a", price=Decimal("100"), stock=0)
    other = ProductFactory(product_name="Other", sku="B", url_key="b", price=Decimal("100"))
    told = run(
        client, run_owed_work, "handle,name,sku,price,stock\na,New,A,200,5\nb,Newer,B,300,5\n", update_stock=True
    )
    Product.objects.filter(pk=product.pk).update(product_name="By hand")
    stock.adjust_stock({variant_of(product).pk: -3}, reason="sold", actor=staff)

    client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()
    undone = shown(client, told["id"])

    assert (undone["state"], undone["kept_changes"]) == ("undone", 2)
    assert errors(client, undone) == [(None, "", "changed_since"), (None, "", "changed_since")]
    product.refresh_from_db()
    other.refresh_from_db()
    assert (product.product_name, product.price, variant_of(product).price) == ("By hand", 100, 100)
    assert variant_of(product).stock_level.available == 2
    assert (other.product_name, other.price, variant_of(other).stock_level.available) == ("Other", 100, 10)


def test_what_an_undo_took_away_comes_back_with_the_next_import(client, run_owed_work):
    told = run(client, run_owed_work, FILE)
    client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()
    stocked = dict(Stock.objects.values_list("variant__sku", "available"))

    again = run(client, run_owed_work, FILE)

    assert (counts(again), Product.objects.for_sale().count()) == ((0, 2, 0, 0), 2)
    assert dict(Stock.objects.values_list("variant__sku", "available")) == stocked
    client.post(f"/api/imports/{again['id']}/undo/")
    run_owed_work()
    assert Product.objects.for_sale().count() == 0


def test_undo_of_an_earlier_import_leaves_the_later_one_alone(client, run_owed_work):
    ProductFactory(product_name="First", sku="A", url_key="a")
    early = run(client, run_owed_work, "handle,name,sku\na,Second,A\n")
    run(client, run_owed_work, "handle,name,sku\na,Third,A\n")

    client.post(f"/api/imports/{early['id']}/undo/")
    run_owed_work()

    assert (Product.objects.get().product_name, shown(client, early["id"])["kept_changes"]) == ("Third", 1)


def test_undo_goes_on_where_it_was_broken_off(client, run_owed_work, monkeypatch):
    told = run(client, run_owed_work, many(7))
    monkeypatch.setattr(undoing, "BATCH", 2)
    monkeypatch.setattr(undoing, "STEP", 0)

    client.post(f"/api/imports/{told['id']}/undo/")
    ran = run_owed_work()
    undone = shown(client, told["id"])

    assert ran.count("catalog.undo_import") == 5
    assert (undone["state"], undone["undone_changes"], Product.objects.for_sale().count()) == ("undone", 7, 0)


def test_dry_run_and_unfinished_import_cannot_be_undone(client, run_owed_work):
    dry = run(client, run_owed_work, FILE, dry_run=True)
    pending = upload(client, FILE).json()

    answers = [client.post(f"/api/imports/{job['id']}/undo/") for job in (dry, pending)]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert (state_of(dry), state_of(pending)) == ("finished", "pending")


def test_undone_prices_follow_the_variants_that_are_left(client, run_owed_work):
    ProductFactory(
        url_key="a",
        variants=[
            catalog_services.VariantInput(sku="A-1", price=Decimal("100"), options={"size": "1"}),
            catalog_services.VariantInput(sku="A-2", price=Decimal("300"), options={"size": "2"}),
        ],
    )
    told = run(client, run_owed_work, "sku,price\nA-1,500\nA-2,400\n")
    Variant.objects.filter(sku="A-1").update(price=Decimal("450"))

    client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()

    assert dict(Variant.objects.values_list("sku", "price")) == {"A-1": Decimal("450.00"), "A-2": Decimal("300.00")}
    assert Product.objects.get().price == Decimal("300.00")


# --- Tidying up -----------------------------------------------------------------------------------------------


def test_old_files_and_journals_are_thrown_away_and_others_stay(client, run_owed_work, media):
    old = run(client, run_owed_work, FILE)
    young = run(client, run_owed_work, FILE)
    CatalogueImport.objects.filter(pk=old["id"]).update(updated_at=timezone.now() - sweeping.KEPT * 2)
    orphan = media / "imports" / "0198c0de000070008000000000000099"
    orphan.write_bytes(b"x")
    os.utime(orphan, (1, 1))

    sweeping.sweep()

    files = {path.name for path in stored(media)}
    assert files == {CatalogueImport.objects.get(pk=young["id"]).pk.hex}
    assert ImportChange.objects.filter(catalogue_import=old["id"]).count() == 0
    answer = client.post(f"/api/imports/{old['id']}/undo/")
    assert (answer.status_code, json.dumps(counts(shown(client, old["id"])))) == (409, "[2, 0, 0, 0]")


def test_import_makes_categories_and_brands_once(client, run_owed_work):
    run(client, run_owed_work, FILE)
    run(
        client,
        run_owed_work,
        FILE.replace("LAMP", "L2").replace("TORCH", "T2").replace("lamp,", "l2,").replace("torch,", "t2,"),
    )

    assert Product.objects.count() == 4
    assert (Category.objects.count(), Brand.objects.count()) == (2, 1)


# --- The command ----------------------------------------------------------------------------------------------


def test_command_does_the_same(tmp_path, capsys, client, run_owed_work):
    path = tmp_path / "a.csv"
    path.write_text(FILE.replace("handle", "Griff") + "bad,Bad,,,,,BAD,x,1\n")
    mapping = '{"Griff": "url_key"}'

    call_command("import_products", str(path), "--dry-run", "--mapping", mapping)
    dry, nothing = capsys.readouterr(), Product.objects.count()
    call_command("import_products", str(path), "--mapping", mapping)
    wet = capsys.readouterr()
    run_owed_work()  # the worker finds it done

    sums = "a.csv: 2 created, 0 changed, 0 unchanged, 1 refused"
    assert (dry.out, nothing) == (f"{sums} (a dry run: nothing was stored)\n", 0)
    assert (wet.out, Product.objects.count()) == (f"{sums}\n", 2)
    assert wet.err == "line 5: price: 'x' is no amount such as 1299.00. (bad_price)\n"
    assert client.post(f"/api/imports/{CatalogueImport.objects.latest('created_at').pk}/undo/").status_code == 200


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (None, [], "cannot be read: No such file or directory."),
        (b"\x89PNG", [], "This is a picture, not a CSV, NDJSON or XLSX file."),
        (b"name,price\na,1\n", ["--mapping", "{"], "--mapping is no JSON"),
        (b"name,price\na,1\n", ["--currency", "XTS"], "There is no exchange rate for this currency"),
    ],
)
def test_command_refuses_in_one_sentence(tmp_path, media, content, arguments, message):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=message):
        call_command("import_products", str(path), *arguments)

    assert (CatalogueImport.objects.count(), stored(media)) == (0, [])
