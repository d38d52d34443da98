"""Prices of a list by file: what is set, what is refused and changes nothing, and that a file comes back the same."""

import gzip
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.history.models import PriceListItemEvent
from catalog.models import Product
from catalog.prices import files, uploading
from catalog.prices.models import PriceList, PriceListItem
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, price_list, variant_of

pytestmark = pytest.mark.django_db

LISTS = "/api/price-lists/"


@pytest.fixture
def editor():
    return client_for(member_of_staff(*(f"catalog.{right}_pricelist" for right in ("view", "change"))))


def csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def upload(client: Any, made: PriceList, content: bytes, key: str = "", **flags: Any) -> Any:
    body = {"file": SimpleUploadedFile("prices.csv", content), **flags}
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(f"{LISTS}{made.pk}/upload/", body, format="multipart", **headers)


def exported(client: Any, made: PriceList) -> bytes:
    answer = client.get(f"{LISTS}{made.pk}/export/")
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content)


def prices(made: PriceList) -> list[tuple[str, int, str]]:
    rows = made.items.order_by("variant__sku", "min_quantity").values_list("variant__sku", "min_quantity", "price")
    return [(sku, least, str(price)) for sku, least, price in rows]


def counts(answer: Any) -> dict[str, int]:
    assert answer.status_code == 200, answer.json()
    told = answer.json()
    return {name: told[name] for name in ("lines", "created", "changed", "unchanged", "removed", "bad") if told[name]}


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]


# --- What is set ------------------------------------------------------------------------------------------------


def test_dry_run_tells_everything_and_does_nothing(editor):
    phone, cable = ProductFactory(sku="PHONE"), ProductFactory(sku="CABLE")
    made = price_list((phone, "1400"), (cable, "300"))
    before = (PriceList.objects.values().get(), prices(made), PriceListItemEvent.objects.count())
    content = csv("sku,min_quantity,price", "PHONE,1,1350", "PHONE,10,1250", "CABLE,,300.00", "NOPE,1,5", "CABLE,2,x")

    answer = upload(editor, made, content, dry_run=True)

    assert answer.status_code == 200
    assert answer.json() == {
        "dry_run": True,
        "lines": 5,
        "created": 1,
        "changed": 1,
        "unchanged": 1,
        "removed": 0,
        "bad": 2,
        "problems": [
            {"line": 5, "column": "sku", "code": "unknown_variant", "message": "There is no variant 'NOPE'."},
            {"line": 6, "column": "price", "code": "bad_price", "message": "'x' is no amount such as 1299.00."},
        ],
        "differences": [
            {"line": 2, "sku": "PHONE", "min_quantity": 1, "before": "1400.00", "after": "1350.00"},
            {"line": 3, "sku": "PHONE", "min_quantity": 10, "before": None, "after": "1250.00"},
        ],
    }
    assert (PriceList.objects.values().get(), prices(made), PriceListItemEvent.objects.count()) == before


def test_named_prices_are_set_and_the_others_stay(editor):
    phone, cable = ProductFactory(sku="PHONE"), ProductFactory(sku="CABLE")
    made = price_list((phone, "1400"), (cable, "300"))
    content = csv("SKU,Unit price,Currency", "PHONE,1350,kes")

    assert counts(upload(editor, made, content)) == {"lines": 1, "changed": 1}
    assert prices(made) == [("CABLE", 1, "300.00"), ("PHONE", 1, "1350.00")]


def test_replacing_removes_what_the_file_does_not_name(editor):
    phone, cable = ProductFactory(sku="PHONE"), ProductFactory(sku="CABLE")
    gone = ProductFactory(sku="GONE")
    made = price_list((phone, "1400"), (phone, "1300", 10), (cable, "300"), (gone, "5"))
    Product.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    content = csv("variant,price", f"{variant_of(phone).pk},1400")

    tried = upload(editor, made, content, replace=True, dry_run=True)
    assert counts(tried) == {"lines": 1, "unchanged": 1, "removed": 2}
    assert len(prices(made)) == 4

    answer = upload(editor, made, content, replace=True)

    assert counts(answer) == {"lines": 1, "unchanged": 1, "removed": 2}
    # A file cannot name a removed product, whose price waits for its return.
    assert prices(made) == [("GONE", 1, "5.00"), ("PHONE", 1, "1400.00")]
    assert sorted((row["sku"], row["min_quantity"], row["after"]) for row in answer.json()["differences"]) == [
        ("CABLE", 1, None),
        ("PHONE", 10, None),
    ]


def test_same_file_again_changes_nothing_and_writes_no_history(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))
    content = csv("sku,price", "PHONE,1350")
    upload(editor, made, content)
    before = (
        PriceList.objects.values().get(),
        PriceListItem.objects.values().get(),
        PriceListItemEvent.objects.count(),
    )

    assert counts(upload(editor, made, content)) == {"lines": 1, "unchanged": 1}
    after = (PriceList.objects.values().get(), PriceListItem.objects.values().get(), PriceListItemEvent.objects.count())
    assert after == before


def test_key_gives_the_first_answer_again_and_refuses_another_file(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    first = upload(editor, made, csv("sku,price", "PHONE,1350"), key="once")
    again = upload(editor, made, csv("sku,price", "PHONE,1350"), key="once")
    other = upload(editor, made, csv("sku,price", "PHONE,1"), key="once")

    assert first.json() == again.json()
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotency_key_reused")
    assert prices(made) == [("PHONE", 1, "1350.00")]


def test_history_tells_who_set_prices_by_file(editor):
    phone = ProductFactory(sku="PHONE")
    made = price_list((phone, "1400"))

    upload(editor, made, csv("sku,price", "PHONE,1350"))

    event = PriceListItemEvent.objects.order_by("-pk").first()
    assert event is not None
    assert (event.pgh_label, event.price, event.pgh_context["via"]) == ("changed", Decimal("1400.00"), "api")
    assert event.pgh_context["actor"]


@pytest.mark.parametrize(
    "content",
    [
        "sku;min_quantity;price\nPHONE;1;1.350,50\n".encode("utf-8-sig"),
        "sku\tprice\nPHONE\t1,350.50\n".encode("utf-16"),
        gzip.compress(b"sku,price\r\nPHONE,1350.50\r\n"),
        b'"sku","price",""\n\n"PHONE"," 1 350.50 ",\n',
    ],
    ids=["semicolons", "utf-16", "gzip", "quotes"],
)
def test_what_spreadsheets_make_of_a_file_is_read(editor, content):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    assert counts(upload(editor, made, content)) == {"lines": 1, "changed": 1}
    assert prices(made) == [("PHONE", 1, "1350.50")]


# --- What is refused --------------------------------------------------------------------------------------------

_WRONG = [
    ("PHONE,1,-1,", "bad_price"),
    ("PHONE,1,1e3,", "bad_price"),
    ("PHONE,1,1.005,", "bad_price"),
    ("PHONE,1,٣٥٠,", "bad_price"),
    ("PHONE,1,,", "no_price"),
    ("PHONE,1,99999999999,", "price_too_high"),
    ("PHONE,0,5,", "bad_quantity"),
    ("PHONE,1.5,5,", "bad_quantity"),
    ("PHONE,1000001,5,", "bad_quantity"),
    ("PHONE,1,5,USD", "wrong_currency"),
    ("DOLLARS,1,5,", "wrong_currency"),
    ("GONE,1,5,", "unknown_variant"),
    ("PHONE\u200b,1,5,", "unknown_variant"),
    ("phone,1,5,", "unknown_variant"),
    (f"{'S' * 65},1,5,", "unknown_variant"),
    ("' OR 1=1 --,1,5,", "unknown_variant"),
    (",1,5,", "required"),
    ("PHONE,1,5,KES,more", "bad_columns"),
    ("CABLE,1,5,", "break_twice"),
]


@pytest.mark.parametrize(("line", "code"), _WRONG)
def test_one_wrong_line_refuses_the_file_and_changes_nothing(editor, line, code):
    phone, cable = ProductFactory(sku="PHONE"), ProductFactory(sku="CABLE")
    ProductFactory(sku="DOLLARS", currency="USD")
    Product.objects.filter(pk=ProductFactory(sku="GONE").pk).update(deleted_at=timezone.now())
    made = price_list((phone, "1400"), (cable, "300"))
    content = csv("sku,min_quantity,price,currency", "CABLE,1,250,", line)

    answer = upload(editor, made, content)

    assert (answer.status_code, errors(answer), answer.json()["bad_lines"]) == (400, [(code, "file.3")], 1)
    assert prices(made) == [("CABLE", 1, "300.00"), ("PHONE", 1, "1400.00")]


def test_wrong_lines_are_left_out_when_asked_and_stand_in_the_report(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    answer = upload(editor, made, csv("sku,price", "NOPE,1", "PHONE,1350", "PHONE,1"), skip_bad=True)

    assert counts(answer) == {"lines": 3, "changed": 1, "bad": 2}
    assert [(row["line"], row["code"]) for row in answer.json()["problems"]] == [
        (2, "unknown_variant"),
        (4, "break_twice"),
    ]
    assert prices(made) == [("PHONE", 1, "1350.00")]


def test_wrong_line_in_a_later_chunk_takes_the_first_ones_back(editor, monkeypatch):
    monkeypatch.setattr(uploading, "CHUNK", 1)
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    answer = upload(editor, made, csv("sku,price", "PHONE,1350", "NOPE,1"))

    assert errors(answer) == [("unknown_variant", "file.3")]
    assert prices(made) == [("PHONE", 1, "1400.00")]


def test_price_twice_in_different_chunks_is_noticed(editor, monkeypatch):
    monkeypatch.setattr(uploading, "CHUNK", 1)
    phone = ProductFactory(sku="PHONE")
    made = price_list((phone, "1400"))

    by_both = csv("sku,variant,price", "PHONE,,1350", f",{variant_of(phone).pk},1340")

    assert errors(upload(editor, made, by_both)) == [("break_twice", "file.3")]


_FILES = [
    (b"", "required"),  # the form itself refuses an empty file
    (b"MZ\x90\x00" + b"\x00" * 50, "file_unsupported"),
    (b"sku,price\nPHONE,\xff\xfe\n", "not_utf8"),
    (b'sku,price\n"PHONE,5\n', "csv_unreadable"),
    (b'price,sku,name\n5,PHONE,"a\n6,CABLE,b\n', "csv_unreadable"),
    (b"<html><table></table></html>", "file_unsupported"),
    (b'{"sku": "PHONE", "price": "5"}\n', "file_unsupported"),
    (b"sku,price\n", "file_empty"),
    (b"sku,cost\nPHONE,5\n", "price_columns"),
    (b"price\n5\n", "price_columns"),
    (b"sku,price,min_qantity\nPHONE,5,10\n", "price_columns"),
    (b"sku,price,valid_from\nPHONE,5,2026-01-01\n", "price_columns"),
    (b"sku,price,min_quantity,min qty\nPHONE,5,1,1\n", "price_columns"),
]


@pytest.mark.parametrize(("content", "code"), _FILES)
def test_what_is_no_file_of_prices_is_refused_by_name(editor, content, code):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    answer = upload(editor, made, content, dry_run=True)

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "file")
    assert answer.json()["errors"][0]["code"] in (code, "empty")
    assert prices(made) == [("PHONE", 1, "1400.00")]


def test_packed_bomb_too_many_lines_and_a_large_body_are_refused(editor, monkeypatch):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    bomb = upload(editor, made, gzip.compress(b"sku,price\n" + b"PHONE,1\n" * (4 * 1024 * 1024)))
    large = upload(editor, made, b"sku,price\n" + b"PHONE,1\n" * (3 * 1024 * 1024))
    monkeypatch.setattr(files, "MAX_ROWS", 1)
    many = upload(editor, made, csv("sku,price", "PHONE,1", "PHONE,2"), skip_bad=True)

    assert [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in (bomb, large, many)] == [
        (413, "file_too_large"),
        (413, "file_too_large"),
        (413, "too_many_prices"),
    ]
    assert prices(made) == [("PHONE", 1, "1400.00")]


def test_replacing_and_skipping_do_not_go_together(editor):
    made = price_list((ProductFactory(sku="PHONE"), "1400"))

    answer = upload(editor, made, csv("sku,price", "NOPE,1"), replace=True, skip_bad=True)

    assert (answer.status_code, errors(answer)) == (400, [("replacing_skips", "replace")])
    assert prices(made) == [("PHONE", 1, "1400.00")]


def test_only_who_may_change_lists_uploads_and_only_who_may_see_all_exports():
    made = price_list((ProductFactory(sku="PHONE"), "1400"))
    viewer, changer = (client_for(member_of_staff(f"catalog.{right}_pricelist")) for right in ("view", "change"))
    customer = client_for(UserFactory())
    content = csv("sku,price", "PHONE,1350")

    assert [upload(client, made, content).status_code for client in (viewer, customer)] == [403, 403]
    assert prices(made) == [("PHONE", 1, "1400.00")]
    assert [client.get(f"{LISTS}{made.pk}/export/").status_code for client in (changer, customer)] == [403, 403]
    assert upload(changer, made, content).status_code == 200
    stranger = variant_of(ProductFactory()).pk
    assert changer.post(f"{LISTS}{stranger}/upload/", {}, format="multipart").status_code == 404


# --- Out and in again -------------------------------------------------------------------------------------------


def test_export_comes_back_without_a_change(editor, monkeypatch):
    monkeypatch.setattr(files, "PAGE", 2)
    products = [ProductFactory(sku=sku, product_name='=cmd|"x", y') for sku in ("=1+1", "PLAIN", "'-x", "0007")]
    gone = ProductFactory(sku="GONE")
    made = price_list(*((product, "1400.50", least) for product in products for least in (1, 5, 9)), (gone, "7"))
    Product.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    before = prices(made)

    content = exported(editor, made)

    lines = content.decode().splitlines()
    assert (lines[0], len(lines)) == ("sku,product_name,min_quantity,price,currency", 13)
    assert not [line for line in lines if line.startswith(("=", "-", '"='))]
    assert counts(upload(editor, made, content, replace=True)) == {"lines": 12, "unchanged": 12}
    assert prices(made) == before
    PriceListItem.objects.exclude(variant__sku="GONE").delete()
    assert counts(upload(editor, made, content)) == {"lines": 12, "created": 12}
    assert prices(made) == before


# --- What it costs, and what follows ----------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [1, 50])
def test_a_file_takes_as_many_statements_for_one_line_as_for_fifty(editor, lines):
    products = [ProductFactory() for _ in range(lines)]
    made = price_list()
    content = csv("sku,price", *(f"{variant_of(product).sku},5" for product in products))

    with CaptureQueriesContext(connection) as queries:
        assert counts(upload(editor, made, content)) == {"lines": lines, "created": lines}

    assert len([query for query in queries if "pricelistitem" in query["sql"]]) == 2  # looked up, and written
    assert len([query for query in queries if "catalog_variant" in query["sql"]]) == 1


def test_product_page_shows_the_new_price_at_once(editor):
    phone = ProductFactory(sku="PHONE", price=Decimal("1500.00"))
    made = price_list((phone, "1400"))
    reader = client_for(None)
    page = f"/api/products/{phone.pk}/"
    first = reader.get(page)
    assert first.json()["variants"][0]["price_breaks"] == [{"min_quantity": 1, "price": "1400.00"}]

    upload(editor, made, csv("sku,price", "PHONE,1350"))

    seen = reader.get(page, HTTP_IF_NONE_MATCH=first["ETag"])
    assert seen.status_code == 200
    assert seen.json()["variants"][0]["price_breaks"] == [{"min_quantity": 1, "price": "1350.00"}]
