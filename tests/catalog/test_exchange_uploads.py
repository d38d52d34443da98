"""What may be uploaded, by whom, and what is refused before anything is stored."""

import gzip
import io
import zipfile
from itertools import count

import pytest
from rest_framework.test import APIClient

from catalog.exchange import spreadsheets
from catalog.exchange.models import CatalogueImport
from catalog.models import Product
from tests.admin_pages import member_of_staff
from tests.catalog.exchange import counts, everything, run, shown, stored, upload
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

ROW = "name,sku,price\nSolar Lamp,LAMP-1,1500\n"


@pytest.fixture
def client(staff) -> APIClient:
    return client_for(staff)


def archive(**parts: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in {"[Content_Types].xml": b"<Types/>", **parts}.items():
            packed.writestr(name, content)
    return data.getvalue()


BOMB = archive(**{"xl/worksheets/sheet1.xml": b" " * (64 * 1024**2)})
LIES = b"name,sku,price\nA,1,1\n" + b"\x00\x01\x02"
SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "empty"),
        (b"  \n\n", 400, "file_empty"),
        (b"name,sku,price\n", 400, "file_empty"),
        (b"MZ\x90\x00" + bytes(500), 400, "file_unsupported"),
        (b"\x7fELF\x02\x01\x01" + bytes(500), 400, "file_unsupported"),
        (b"#!/bin/sh\nrm -rf /\n", 400, "file_unsupported"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 400, "file_unsupported"),
        (b"\xff\xd8\xff\xe0" + bytes(500), 400, "file_unsupported"),
        (b"%PDF-1.7\n", 400, "file_unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), 400, "file_unsupported"),
        (b"<html><script>alert(1)</script></html>", 400, "file_unsupported"),
        (b'[{"name": "A"}]', 400, "file_unsupported"),
        (LIES, 400, "file_unsupported"),
        ("name,sku,price\nCafé,1,1\n".encode("cp1252"), 400, "not_utf8"),
        (ROW.encode() + b"\xc3", 400, "not_utf8"),
        (b'name,sku,price\n"never closed,1,1\n' + b"x," * 700_000, 400, "csv_unreadable"),
        (b'name,sku,price\nA,1,1\n"never closed,2,2\nB,3,3\n', 400, "csv_unreadable"),
        (b"colour,size\nred,4\n", 400, "bad_mapping"),
        (b'{"colour": "red"}\n', 400, "bad_mapping"),
        (gzip.compress(ROW.encode(), mtime=0)[:-9], 400, "file_refused"),
        (b"PK\x03\x04" + bytes(200), 400, "spreadsheet_unreadable"),
        (archive(**{"word/document.xml": b"<a/>"}), 400, "spreadsheet_unreadable"),
        (archive(**{"xl/workbook.xml": b"<broken"}), 400, "spreadsheet_unreadable"),
        (archive(**{"xl/vbaProject.bin": b"x", "xl/workbook.xml": b"<a/>"}), 400, "spreadsheet_unreadable"),
        (BOMB, 413, "spreadsheet_too_large"),
    ],
    ids=count(1),  # packed data holds the time, and is no name for a test
)
def test_file_that_is_no_catalogue_is_refused_by_name_and_not_stored(client, media, content, status, code):
    before = everything()

    answer = upload(client, content)

    row = answer.json()["errors"][0]
    expected = {"bad_mapping": "nothing_to_import"}.get(code, code)
    assert (answer.status_code, row["code"]) == (status, expected), row
    assert (everything(), stored(media)) == (before, [])


def test_broken_encoding_is_named_by_its_line(client):
    answer = upload(client, "name,sku,price\nTea,1,1\nCafé,2,1\n".encode("cp1252"))

    assert answer.json()["errors"][0]["detail"] == "Line 3 is not UTF-8; save the file as CSV UTF-8."


def test_entities_of_a_spreadsheet_are_not_expanded(client, media):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + SHEET
    book = archive(**{"xl/workbook.xml": bomb})

    answer = upload(client, book)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "spreadsheet_unreadable")
    assert stored(media) == []


def test_upload_over_the_limit_is_a_413_before_it_is_read(client, media, settings):
    settings.IMPORT_MAX_BYTES = 1000
    by_header = upload(client, ROW + "x" * 100_000)
    packed = upload(client, gzip.compress(b"name,sku,price\n" + b"a,b,1\n" * 100_000))

    for answer in (by_header, packed):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "file_too_large")
    assert (CatalogueImport.objects.count(), stored(media)) == (0, [])


def test_large_spreadsheet_is_refused_by_its_size(client, monkeypatch):
    monkeypatch.setattr(spreadsheets, "MAX_FILE", 100)

    answer = upload(client, archive(**{"xl/workbook.xml": b"<a/>"}))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "file_too_large")


@pytest.mark.parametrize(
    "content",
    [
        ROW.encode(),
        b"\xef\xbb\xbf" + ROW.encode(),
        ROW.encode("utf-16"),
        ROW.replace(",", ";").encode(),
        ROW.replace(",", "\t").encode(),
        ROW.replace("\n", "\r\n").encode(),
        gzip.compress(ROW.encode()),
        b"MZ code,name,sku,price\n1,Solar Lamp,LAMP-1,1500\n",
        b'{"name": "Solar Lamp", "sku": "LAMP-1", "price": "1500"}\n',
        b'{"name": "Solar Lamp", "sku": "LAMP-1", "price": 1500}\n',
    ],
    ids=[
        "plain",
        "mark",
        "utf-16",
        "semicolons",
        "tabs",
        "crlf",
        "gzip",
        "two capitals",
        "ndjson",
        "ndjson with a number",
    ],
)
def test_file_is_known_by_its_content_and_not_by_its_name(client, run_owed_work, content):
    told = run(client, run_owed_work, content, name="whatever.exe")

    assert (told["state"], counts(told)) == ("finished", (1, 0, 0, 0))
    product = Product.objects.get()
    assert (product.product_name, product.price, product.variants.get().sku) == ("Solar Lamp", 1500, "LAMP-1")


def test_name_of_an_upload_is_only_shown(client, media):
    answer = upload(client, ROW, name="../../etc/pass\u202ewd.csv")

    assert answer.json()["file_name"] == "passwd.csv"
    assert [path.parent.name for path in stored(media)] == ["imports"]


def test_same_idempotency_key_imports_once(client, media, run_owed_work):
    first = upload(client, ROW, key="monday")
    again = upload(client, ROW, key="monday")
    other = upload(client, ROW + "Torch,T-1,900\n", key="monday")

    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json() == first.json()
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotency_key_reused")
    assert (CatalogueImport.objects.count(), len(stored(media))) == (1, 1)


# --- Who ------------------------------------------------------------------------------------------------------

ADD, CHANGE, VIEW = "catalog.add_product", "catalog.change_product", "catalog.view_product"


@pytest.mark.parametrize(
    ("rights", "imports", "exports"),
    [
        (None, 401, 401),
        ("customer", 403, 403),
        ("customer with rights", 403, 403),
        ((), 403, 403),
        ((ADD,), 403, 403),
        ((CHANGE,), 403, 403),
        ((VIEW,), 403, 200),
        ((ADD, CHANGE), 201, 403),
        ((ADD, CHANGE, VIEW), 201, 200),
    ],
)
def test_rights(staff, run_owed_work, media, rights, imports, exports):
    job = run(client_for(staff), run_owed_work, ROW, dry_run=True)
    if rights is None:
        user = None
    elif isinstance(rights, tuple):
        user = member_of_staff(*rights)
    else:
        user = UserFactory()
        if rights != "customer":
            user.user_permissions.set(member_of_staff(ADD, CHANGE, VIEW).user_permissions.all())
    client, before = client_for(user), everything()
    allowed = 200 if imports == 201 else imports
    address = f"/api/imports/{job['id']}/"

    reading = {path: client.get(path).status_code for path in (address, "/api/imports/", f"{address}errors/")}
    downloaded = client.get(f"{address}errors/download/").status_code
    export = client.get("/api/products/export/").status_code
    undone = client.post(f"{address}undo/").status_code
    unchanged = everything() == before
    started = client.post(f"{address}start/", {}).status_code
    cancelled = client.post(f"{address}cancel/").status_code
    uploaded = upload(client, ROW).status_code

    assert (set(reading.values()), downloaded, export) == ({allowed}, allowed, exports)
    assert (undone, started, cancelled, uploaded) == (409 if allowed == 200 else allowed, allowed, allowed, imports)
    assert unchanged
    if imports != 201:
        assert (everything(), len(stored(media))) == (before, 1)


def test_counting_stock_needs_the_right_to_change_it(media, run_owed_work):
    client = client_for(member_of_staff(ADD, CHANGE))

    answer = upload(client, ROW, update_stock=True)

    assert (answer.status_code, CatalogueImport.objects.count(), stored(media)) == (403, 0, [])
    job = run(client, run_owed_work, ROW, dry_run=True)
    assert client.post(f"/api/imports/{job['id']}/start/", {"update_stock": True}).status_code == 403
    assert shown(client, job["id"])["state"] == "finished"
    counting = client_for(member_of_staff(ADD, CHANGE, "catalog.change_stock"))
    assert upload(counting, ROW, update_stock=True).status_code == 201


def test_unknown_import_is_a_404(client):
    nobody = "/api/imports/0198c0de-0000-7000-8000-000000000099/"

    posted = [client.post(f"{nobody}{action}/", {}).status_code for action in ("start", "cancel", "undo")]

    assert (client.get(nobody).status_code, client.get(f"{nobody}errors/download/").status_code, posted) == (
        404,
        404,
        [404] * 3,
    )


def test_list_of_imports_is_short_and_costs_the_same_for_one_and_three(
    client, run_owed_work, django_assert_num_queries
):
    run(client, run_owed_work, ROW)
    client.get("/api/imports/")
    with django_assert_num_queries(3):
        one = client.get("/api/imports/").json()
    run(client, run_owed_work, ROW, dry_run=True)
    run(client, run_owed_work, ROW)
    with django_assert_num_queries(3):
        three = client.get("/api/imports/").json()

    assert (one["count"], three["count"]) == (1, 3)
    assert "mapping" not in three["results"][0]
    assert client.get("/api/imports/", {"dry_run": "true"}).json()["count"] == 1
    assert client.get("/api/imports/", {"state": "lost"}).status_code == 400
    assert client.get("/api/imports/", {"dry_run": "maybe"}).status_code == 400
    assert client.get("/api/imports/", {"colour": "red"}).status_code == 400
