"""Counting by file: what is compared with what, that it happens once, and that promises are kept."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from catalog.inventory import adjusting, counting
from catalog.inventory.adjusting import Adjustment
from catalog.inventory.exceptions import CountStarted, CountUnreadable, WarehouseInLedger
from catalog.inventory.models import StockCount, StockCountLine
from catalog.inventory.warehouses import delete_warehouse, save_warehouse
from catalog.models import Product, StockMovement
from ecommerce.models import OutboxMessage
from orders import placing
from orders import services as order_services
from orders.lines import ItemInput
from tests.admin_pages import member_of_staff
from tests.catalog.inventory import every_row, goods, level, lying, main, move, put, warehouse
from tests.clients import client_for
from tests.factories import UserFactory, buy, place_order
from tests.invariants import assert_stock_holds
from tests.racing import at_once

pytestmark = pytest.mark.django_db

Kind = StockMovement.Kind


@pytest.fixture
def person(db: None) -> User:
    rights = [f"catalog.{verb}_stockcount" for verb in ("view", "add", "change", "delete")]
    return member_of_staff(*rights)


@pytest.fixture
def counter(person: User) -> APIClient:
    return client_for(person)


def count(person: User, lines: dict[str, int], *, at: Any = None, **fields: Any) -> StockCount:
    raw = "sku,counted\n" + "".join(f"{sku},{units}\n" for sku, units in lines.items())
    place = fields.get("place") or main()
    return counting.upload_count(warehouse=place, name="shelf.csv", raw=raw.encode(), counted_at=at, actor=person)


def apply(made: StockCount, person: User) -> StockCount:
    return counting.apply_count(made.pk, actor=person)


def lines_of(made: StockCount) -> dict[str, tuple[int, int, int, str]]:
    """Expected, counted, short and the state, by SKU."""
    rows = made.lines.values_list("variant__sku", "expected", "counted", "short", "state")
    return {sku: tuple(figures) for sku, *figures in rows}  # type: ignore[misc]


def counted_movements() -> list[tuple[str, int]]:
    rows = StockMovement.objects.filter(kind="count").order_by("id")
    return list(rows.values_list("variant__sku", "on_hand_change"))


# --- What is compared with what -------------------------------------------------------------------------------


def test_differences_are_shown_first_and_written_when_applied(person):
    a, b, c = goods("A", "B", "C")
    for variant in (a, b, c):
        put(variant, MAIN=10)

    made = count(person, {"A": 8, "B": 12, "C": 10})

    assert lines_of(made) == {"A": (10, 8, 0, "open"), "B": (10, 12, 0, "open"), "C": (10, 10, 0, "open")}
    assert counted_movements() == []
    done = apply(made, person)
    assert (done.state, done.applied_by) == ("applied", person)
    assert sorted(counted_movements()) == [("A", -2), ("B", 2)]
    assert (level(a), level(b), level(c)) == ((8, 8), (12, 12), (10, 10))
    movement = StockMovement.objects.filter(kind="count").first()
    assert movement is not None
    assert (movement.document_id, movement.reason, movement.actor, movement.warehouse) == (
        made.pk,
        "shelf.csv",
        person,
        main(),
    )
    assert_stock_holds()


def test_only_the_counted_warehouse_is_compared(person):
    (a,) = goods("A")
    msa = warehouse("MSA")
    put(a, MAIN=10, MSA=5)

    apply(count(person, {"A": 4}, place=msa), person)

    assert lying(a) == {"MAIN": 10, "MSA": 4}
    assert_stock_holds()


def test_goods_that_nobody_knew_of_are_found(person):
    (a,) = goods("A")
    msa = warehouse("MSA")

    apply(count(person, {"A": 3}, place=msa), person)

    assert (lying(a), level(a)) == ({"MSA": 3}, (3, 3))


def test_what_moves_between_counting_and_applying_is_no_difference(person):
    (a,) = goods("A")
    msa = warehouse("MSA", position=9)
    put(a, MAIN=10, MSA=5)
    made = count(person, {"A": 9})  # one is missing

    buy(UserFactory(), Product.objects.get(), quantity=2)
    put(a, MAIN=4)
    move(a, 3, main(), msa)
    apply(made, person)

    assert lying(a) == {"MAIN": 9 - 2 + 4 - 3, "MSA": 8}
    assert counted_movements() == [("A", -1)]
    assert_stock_holds()


def test_what_moved_between_counting_and_uploading_is_no_difference_either(person):
    (a,) = goods("A")
    put(a, MAIN=10)
    counted_at = timezone.now()
    buy(UserFactory(), Product.objects.get(), quantity=2)

    made = count(person, {"A": 9}, at=counted_at)

    assert lines_of(made) == {"A": (10, 9, 0, "open")}
    apply(made, person)
    assert lying(a) == {"MAIN": 7}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_counts_of_one_shelf_correct_it_once(person, order):
    (a,) = goods("A")
    put(a, MAIN=10)
    earlier, later = timezone.now(), timezone.now() + timedelta(microseconds=1)
    made = [count(person, {"A": 8}, at=earlier), count(person, {"A": 8}, at=later)]

    for which in order:
        apply(made[which], person)

    assert (lying(a), counted_movements()) == ({"MAIN": 8}, [("A", -2)])
    state = lines_of(made[0])["A"][3]
    assert state == ("applied" if order == (0, 1) else "superseded")


def test_older_count_says_nothing_any_more_even_if_the_later_one_found_all_right(person):
    (a,) = goods("A")
    put(a, MAIN=10)
    old = count(person, {"A": 8}, at=timezone.now())
    new = count(person, {"A": 10}, at=timezone.now())

    apply(new, person)
    apply(old, person)

    assert (lying(a), counted_movements(), lines_of(old)["A"][3]) == ({"MAIN": 10}, [], "superseded")


def test_count_applied_twice_is_applied_once(person):
    (a,) = goods("A")
    put(a, MAIN=10)
    made = count(person, {"A": 8})
    apply(made, person)
    before = every_row()

    again = apply(made, UserFactory())

    assert (again.applied_by, every_row()) == (person, before)


@pytest.mark.parametrize("seed", range(8))
def test_shelf_holds_what_was_counted_whatever_happens_around_it(person, seed):
    """Play counting with a shelf of its own: what really lies there, beside what the ledger thinks."""
    chance = random.Random(seed)
    (a,) = goods("A")
    msa = warehouse("MSA", position=9)
    put(a, MAIN=20, MSA=20)
    real = 20
    waiting: list[StockCount] = []

    for _ in range(25):
        step = chance.choice(["lose", "find", "receive", "ship", "transfer", "count", "apply"])
        if step == "lose" and real:
            real -= 1
        elif step == "find":
            real += 1
        elif step == "receive":
            put(a, MAIN=2)
            real += 2
        elif step == "ship" and real and lying(a).get("MAIN"):
            order = place_order(UserFactory(), Product.objects.get()) if level(a)[0] else None
            if order:
                order_services.mark_paid(order.pk)
                order_services.ship_order(order.pk, warehouse_id=main().pk)
                real -= 1
        elif step == "transfer" and real >= 2 and lying(a).get("MAIN", 0) >= 2:
            move(a, 2, main(), msa)
            real -= 2
        elif step == "count":
            waiting.append(count(person, {"A": real}, at=timezone.now()))
        elif step == "apply" and waiting:
            apply(waiting.pop(chance.randrange(len(waiting))), person)
    apply(count(person, {"A": real}), person)
    for made in waiting:
        apply(made, person)

    assert lying(a).get("MAIN", 0) == real
    assert_stock_holds()


# --- Promises -------------------------------------------------------------------------------------------------


def test_what_is_promised_stays_promised_and_waits_for_a_person(person):
    a, b = goods("A", "B")
    put(a, MAIN=5)
    put(b, MAIN=5)
    orders = [promise(a, 1) for _ in range(3)]
    made = count(person, {"A": 1, "B": 4})
    assert lines_of(made) == {"A": (5, 1, 2, "open"), "B": (5, 4, 0, "open")}

    apply(made, person)

    # Two of A that nobody was promised are gone from sale, though four are missing.
    assert (level(a), level(b)) == ((0, 3), (4, 4))
    assert lines_of(made) == {"A": (5, 1, 2, "short"), "B": (5, 4, 0, "applied")}
    assert_stock_holds()
    apply(made, person)
    assert level(a) == (0, 3)  # still short
    for order in orders[:2]:
        order_services.cancel_order(order.pk)
    apply(made, person)
    assert (level(a), lines_of(made)["A"]) == ((0, 1), (5, 1, 0, "applied"))
    assert_stock_holds()


def promise(variant: UUID, units: int) -> Any:
    items = [ItemInput(quantity=units, variant_id=variant, attr="items.0")]
    return placing.place_order(user=UserFactory(), items=items)


def test_promises_are_kept_from_another_warehouse(person):
    (a,) = goods("A")
    msa = warehouse("MSA", position=9)
    put(a, MAIN=5, MSA=4)
    promise(a, 3)

    apply(count(person, {"A": 1}), person)

    assert (level(a), lying(a)) == ((2, 5), {"MAIN": 1, "MSA": 4})
    assert msa.code == "MSA"
    assert_stock_holds()


def test_more_than_lies_there_now_is_never_taken(person):
    """Whoever counts three of ten, and then ships five from there, has counted wrong: a person looks."""
    (a,) = goods("A")
    warehouse("MSA", position=9)
    put(a, MAIN=10, MSA=10)
    made = count(person, {"A": 3})
    order = promise(a, 5)
    order_services.mark_paid(order.pk)
    order_services.ship_order(order.pk, warehouse_id=main().pk)

    apply(made, person)

    assert (lying(a), lines_of(made)) == ({"MSA": 10}, {"A": (10, 3, 2, "short")})
    assert_stock_holds()


# --- Over HTTP ------------------------------------------------------------------------------------------------


def upload(client: APIClient, raw: bytes | str, place: str = "MAIN", headers: Any = None, **body: str):
    content = raw if isinstance(raw, bytes) else raw.encode()
    file = SimpleUploadedFile("shelf.csv", content)
    body = {"warehouse": place, "file": file, **body}  # type: ignore[dict-item]
    return client.post("/api/stock/counts/", body, format="multipart", headers=headers or {})


def rows_of(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


@pytest.fixture
def shelf(db: None) -> tuple[UUID, ...]:
    a, b = goods("A-1", "=B", product_name="Cable")
    put(a, MAIN=5)
    put(b, MAIN=7)
    return a, b


def test_sheet_comes_back_and_is_applied(counter, shelf):
    goods("NEVER-THERE")
    sheet = counter.get("/api/stock/counts/sheet/", {"warehouse": "main"})
    text = b"".join(sheet.streaming_content).decode("utf-8")
    assert (sheet["Content-Type"], sheet["Content-Disposition"]) == (
        "text/csv; charset=utf-8",
        'attachment; filename="count-MAIN.csv"',
    )
    assert text == "\ufeffsku,name,expected,counted\r\n'=B,Cable,7,\r\nA-1,Cable,5,\r\n"

    made = upload(counter, text.replace("7,\r", "7,6\r").replace("5,\r", "5,5\r"))

    assert made.status_code == 201, made.json()
    body = made.json()
    assert {name: body[name] for name in ("state", "line_count", "done_count", "difference_count", "units_fewer")} == {
        "state": "ready",
        "line_count": 2,
        "done_count": 0,
        "difference_count": 1,
        "units_fewer": 1,
    }
    assert [(row["sku"], row["difference"], row["moved"]) for row in body["differences"]] == [("=B", -1, False)]
    done = counter.post(f"/api/stock/counts/{body['id']}/apply/")
    assert (done.status_code, done.json()["state"], done.json()["done_count"]) == (200, "applied", 2)
    assert lying(shelf[1]) == {"MAIN": 6}


def test_sheet_of_everything_has_what_was_never_there(counter, shelf):
    goods("NEVER-THERE")
    goods("EBOOK", kind="digital")

    sheet = counter.get("/api/stock/counts/sheet/", {"warehouse": "MAIN", "all": "true"}, HTTP_ACCEPT="text/csv")

    text = b"".join(sheet.streaming_content).decode("utf-8-sig")
    assert [line.split(",")[0] for line in text.splitlines()] == ["sku", "'=B", "A-1", "NEVER-THERE"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_the_sheet_is_a_formula(counter, name):
    (variant,) = goods("S-1", product_name=name)
    put(variant, MAIN=1)

    text = b"".join(counter.get("/api/stock/counts/sheet/?warehouse=MAIN").streaming_content).decode("utf-8-sig")

    assert text.split(",", 4)[3].split("\n")[1] == "S-1"
    assert f"'{name}" in text


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({}, "warehouse"),
        ({"warehouse": "X"}, "warehouse"),
        ({"warehouse": "MAIN", "all": "1"}, "all"),
        ({"x": "1"}, "x"),
    ],
)
def test_wrong_parameters_of_the_sheet_are_named_in_json(counter, shelf, query, attr):
    answer = counter.get("/api/stock/counts/sheet/", query, HTTP_ACCEPT="text/csv")

    assert (answer.status_code, [row[1] for row in rows_of(answer)]) == (400, [attr])


@pytest.mark.parametrize(
    "raw",
    [
        "sku,counted\nA-1,4\n".encode("utf-8-sig"),
        "sku;name;counted\r\nA-1;Käbel;4\r\n".encode("cp1252"),
        "sku\tcounted\nA-1\t4,00\n".encode("utf-16"),
        "sku\tcounted\nA-1\t4\n".encode("utf-16-le").join([b"\xff\xfe", b""]),
        b"\n\nSKU,Counted,expected,name\nA-1,4,5,\n\n\n'=B,,7,not counted\n",
        b'"sku","counted"\n"A-1"," 4 "\n',
        b"sku,counted,\nA-1,4.0,\n",
    ],
)
def test_files_of_all_kinds_are_read(counter, shelf, raw):
    answer = upload(counter, raw)

    assert answer.status_code == 201, answer.json()
    assert [(row["sku"], row["difference"]) for row in answer.json()["differences"]] == [("A-1", -1)]


def nothing_kept() -> bool:
    return not StockCount.objects.exists() and not StockCountLine.objects.exists()


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        (b"MZ\x90\x00" * 99, [("count_not_csv", "file")]),
        (b"\x7fELF\x02\x01", [("count_not_csv", "file")]),
        (b"PK\x03\x04 a spreadsheet", [("count_not_csv", "file")]),
        (b"sku,counted\nA-1,\x004\n", [("count_not_csv", "file")]),
        ("sku,counted\nA-1,\x004\n".encode("utf-16"), [("count_encoding", "file")]),
        (b"\xff\xfes", [("count_encoding", "file")]),
        (b"sku,counted\nA-1,4\x81\n", [("count_encoding", "file")]),
        (b"name,price\nA-1,4\n", [("count_header", "file")]),
        (b"sku,counted,price\nA-1,4,5\n", [("count_header", "file")]),
        (b"sku,counted,counted\nA-1,4,5\n", [("count_header", "file")]),
        (b"\n\n", [("count_header", "file")]),
        (b"sku,counted\n", [("count_empty", "file")]),
        (b"sku,counted\nA-1,\n=B,\n", [("count_empty", "file")]),
        (b"sku,counted\nA-1,4\nNOBODY,4\nEBOOK,1\n", [("sku_unknown", "file.3"), ("sku_unknown", "file.4")]),
        (
            b"sku,counted\nA-1,4\n=B,-1\nA-1,4\n,3\n",
            [("count_negative", "file.3"), ("sku_twice", "file.4"), ("sku_unknown", "file.5")],
        ),
        (b"sku,counted\nA-1,1000001\n", [("count_too_many", "file.2")]),
        (b"sku,counted\nA-1,9999999999\n", [("bad_number", "file.2")]),
        (b"sku,counted\nA-1,4.5\n=B,1e3\n", [("bad_number", "file.2"), ("bad_number", "file.3")]),
        ("sku,counted\nA-1,٤\n".encode(), [("bad_number", "file.2")]),
        (b"sku,counted\nA-1,4,5\n", [("bad_columns", "file.2")]),
        (b'sku,counted\nA-1,4\n"=B,7\n', [("bad_quotes", "file.3")]),
        (b"sku,counted\n" + b"x" * 2000 + b",4\n", [("bad_columns", "file.2")]),
    ],
)
def test_bad_file_is_named_by_its_lines_and_nothing_is_kept(counter, shelf, raw, rows):
    goods("EBOOK", kind="digital")
    before = every_row()

    answer = upload(counter, raw)

    assert (answer.status_code, rows_of(answer)) == (400, rows)
    assert (nothing_kept(), every_row()) == (True, before)


def test_only_the_first_bad_lines_are_named_but_all_are_counted(counter, shelf):
    answer = upload(counter, "sku,counted\n" + "".join(f"N-{n},1\n" for n in range(80)))

    assert (len(answer.json()["errors"]), answer.json()["bad_lines"]) == (50, 80)


def test_too_large_files_are_refused(counter, shelf, monkeypatch):
    monkeypatch.setattr("catalog.inventory.count_files.MAX_LINES", 3)
    assert rows_of(upload(counter, "sku,counted\n" + "A-1,\n" * 4)) == [("count_too_large", "file")]

    huge = upload(counter, b"sku,counted\n" + b"x" * (5 * 1024 * 1024 + 1))

    assert (huge.status_code, rows_of(huge)) == (413, [("count_too_large", "file")])
    assert nothing_kept()


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ({"counted_at": "2020-01-01T00:00:00Z"}, ("counted_at_wrong", "counted_at")),
        ({"counted_at": "2999-01-01T00:00:00Z"}, ("counted_at_wrong", "counted_at")),
        ({"counted_at": "soon"}, ("invalid", "counted_at")),
        ({"place": "NOWHERE"}, ("warehouse_unknown", "warehouse")),
        ({"place": "OLD"}, ("warehouse_closed", "warehouse")),
    ],
)
def test_when_and_where_must_be_right(counter, shelf, body, row):
    warehouse("OLD", is_active=False)

    answer = upload(counter, "sku,counted\nA-1,4\n", **body)

    assert (rows_of(answer), nothing_kept()) == ([row], True)


def test_upload_sent_twice_with_a_key_is_one_count(counter, shelf):
    answers = [upload(counter, "sku,counted\nA-1,4\n", headers={"Idempotency-Key": "shelf-1"}) for _ in range(2)]
    other = upload(counter, "sku,counted\nA-1,3\n", headers={"Idempotency-Key": "shelf-1"})

    assert answers[0].json() == answers[1].json()
    assert (other.status_code, StockCount.objects.count()) == (201, 2)


def test_sheet_that_is_older_than_the_count_says_so(counter, shelf):
    put(shelf[0], MAIN=2)

    answer = upload(counter, "sku,expected,counted\nA-1,5,6\n").json()

    assert [(row["expected"], row["difference"], row["moved"]) for row in answer["differences"]] == [(7, -1, True)]


def test_lines_are_listed_and_filtered(counter, shelf):
    key = upload(counter, "sku,counted\nA-1,4\n=B,7\n").json()["id"]

    def skus(**query: str) -> list[str]:
        return [row["sku"] for row in counter.get(f"/api/stock/counts/{key}/lines/", query).json()["results"]]

    assert (skus(), skus(different="true"), skus(different="false")) == (["A-1", "=B"], ["A-1"], ["=B"])
    assert skus(ordering="number", state="open") == ["A-1", "=B"]
    assert counter.get(f"/api/stock/counts/{key}/lines/", {"colour": "x"}).status_code == 400
    assert counter.get("/api/stock/counts/0198c0de-0000-7000-8000-000000000061/lines/").status_code == 404


@pytest.mark.parametrize("number", [1, 3])
def test_counts_take_the_same_statements_for_any_number(counter, person, shelf, number, django_assert_num_queries):
    for _ in range(number):
        count(person, {"A-1": 4})

    with django_assert_num_queries(5):  # user, rights (2), count, counts
        assert counter.get("/api/stock/counts/").json()["count"] == number


def test_count_is_deleted_until_it_is_applied(counter, person, shelf):
    thrown, kept = (count(person, {"A-1": 4}) for _ in range(2))
    apply(kept, person)

    assert counter.delete(f"/api/stock/counts/{thrown.pk}/").status_code == 204
    answer = counter.delete(f"/api/stock/counts/{kept.pk}/")

    assert (answer.status_code, rows_of(answer)) == (409, [("count_started", None)])
    assert list(StockCount.objects.all()) == [kept]


def test_rights_are_asked_for_one_by_one(person, shelf, api_client):
    made = count(person, {"A-1": 4})
    page = f"/api/stock/counts/{made.pk}/"
    calls: dict[str, Callable[[APIClient], Any]] = {
        "view": lambda client: client.get(page),
        "add": lambda client: upload(client, "sku,counted\nA-1,4\n"),
        "change": lambda client: client.post(f"{page}apply/"),
        "delete": lambda client: client.delete(page),
    }
    before = every_row()

    for right, call in calls.items():
        client = client_for(member_of_staff(*(f"catalog.{other}_stockcount" for other in calls if other != right)))
        assert call(client).status_code == 403, right
        assert call(client_for(UserFactory(role=User.Role.SELLER))).status_code == 403
        assert call(api_client).status_code == 401
    viewer = client_for(member_of_staff("catalog.view_stockcount"))
    assert viewer.get("/api/stock/counts/sheet/?warehouse=MAIN").status_code == 200
    assert (every_row(), StockCount.objects.count()) == (before, 1)


def test_counted_warehouse_stays(person):
    (a,) = goods("A")
    msa = warehouse("MSA")
    count(person, {"A": 0}, place=msa)

    with pytest.raises(WarehouseInLedger):
        delete_warehouse(msa.pk)

    save_warehouse(msa, is_active=False)
    assert a


def test_moment_is_bounded_for_the_service_too(person):
    goods("A")

    with pytest.raises(CountUnreadable):
        count(person, {"A": 1}, at=timezone.now() + timedelta(hours=1))

    assert nothing_kept()


# --- Large counts ---------------------------------------------------------------------------------------------


@pytest.fixture
def many(db: None, monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Twelve variants, and limits that make twelve lines many."""
    monkeypatch.setattr(counting, "AT_ONCE", 5)
    monkeypatch.setattr(counting, "CHUNK", 5)
    variants = goods(*(f"V{n:02d}" for n in range(12)))
    adjusting.adjust([Adjustment(pk, main(), 10, Kind.RECEIVE) for pk in variants])
    return variants


def test_large_count_is_applied_by_a_worker_chunk_by_chunk(counter, person, many, run_owed_work, monkeypatch):
    made = count(person, {f"V{n:02d}": 9 for n in range(12)})
    before = every_row()

    started = counter.post(f"/api/stock/counts/{made.pk}/apply/")
    again = counter.post(f"/api/stock/counts/{made.pk}/apply/")

    assert (started.status_code, started.json()["state"], started.json()["done_count"]) == (202, "applying", 0)
    assert again.status_code == 202
    assert every_row() == before
    with pytest.raises(CountStarted):
        counting.delete_count(made.pk)
    assert run_owed_work() == ["catalog.apply_count"]
    done = counter.get(f"/api/stock/counts/{made.pk}/").json()
    assert (done["state"], done["done_count"], done["units_fewer"]) == ("applied", 12, 12)
    assert {level(pk) for pk in many} == {(9, 9)}
    assert_stock_holds()


def test_worker_lets_others_have_their_turn_and_goes_on(person, many, run_owed_work, monkeypatch):
    monkeypatch.setattr(counting, "TURN", -1.0)
    made = count(person, {f"V{n:02d}": 9 for n in range(12)})
    apply(made, person)

    run_owed_work()

    assert made.lines.filter(state="applied").count() == 5
    message = OutboxMessage.objects.get()
    assert (message.attempts, message.done_at, message.last_error) == (0, None, "more lines to apply")
    while OutboxMessage.objects.filter(done_at=None).exists():
        OutboxMessage.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        run_owed_work()
    made.refresh_from_db()
    assert (made.state, len(counted_movements())) == ("applied", 12)
    assert_stock_holds()


def test_work_that_was_given_up_is_taken_up_again(person, many, run_owed_work):
    made = count(person, {f"V{n:02d}": 9 for n in range(12)})
    apply(made, person)
    OutboxMessage.objects.update(dead_at=timezone.now())
    assert run_owed_work() == []

    apply(made, person)

    assert run_owed_work() == ["catalog.apply_count"]
    assert len(counted_movements()) == 12


def test_worker_that_comes_twice_writes_once(person, many, run_owed_work):
    made = count(person, {f"V{n:02d}": 9 for n in range(12)})
    apply(made, person)
    run_owed_work()
    before = every_row()

    counting.work_on_count(made.pk)

    assert every_row() == before


# --- At the same time -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_count_applied_by_several_at_once_is_applied_once(person):
    for n in range(8):
        (a,) = goods(f"A{n}")
        put(a, MAIN=10)
        made = count(person, {f"A{n}": 7})

        at_once([lambda made=made: apply(made, person)] * 4)

        assert level(a) == (7, 7)
    assert_stock_holds()


@pytest.mark.django_db(transaction=True)
def test_counts_and_orders_at_once_neither_oversell_nor_deadlock(person):
    variants = goods(*(f"V{n}" for n in range(4)))
    for variant in variants:
        put(variant, MAIN=40)

    for _ in range(8):
        made = count(person, {f"V{n}": lying(pk).get("MAIN", 0) - 1 for n, pk in enumerate(variants)})

        def order_and_ship() -> None:
            items = [ItemInput(quantity=1, variant_id=pk, attr="items.0") for pk in reversed(variants)]
            order = placing.place_order(user=UserFactory(), items=items)
            order_services.mark_paid(order.pk)
            order_services.ship_order(order.pk)

        at_once([lambda made=made: apply(made, person), order_and_ship, order_and_ship])

    assert {level(pk) for pk in variants} == {(40 - 8 - 16, 40 - 8 - 16)}
    assert_stock_holds()
