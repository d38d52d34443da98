"""Imports and exports as shop staff do them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.history.selectors import changes_of, read_changes
from catalog.exchange.models import CatalogueImport
from catalog.models import Product
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.catalog.exchange import stored, table
from tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

LIST = address("catalog_catalogueimport_changelist")
IMPORT, EXPORT = address("catalog_product_import_products"), address("catalog_product_export_products")
FILE = b"name,code,price\nLamp,L-1,1500\nTorch,T-1,x\n"
RIGHTS = ("catalog.add_product", "catalog.change_product", "catalog.view_product")


@pytest.fixture
def client(staff) -> Client:
    return logged_in(staff)


def upload(client: Client, data: bytes = FILE, **fields: object):
    form = {"file": SimpleUploadedFile("a.csv", data), "currency": "KES", "stock": "0"}
    return client.post(IMPORT, form | fields)


def tried(client: Client, work, data: bytes = FILE) -> CatalogueImport:
    assert upload(client, data).status_code == 302
    work()
    return CatalogueImport.objects.latest("created_at")


def page(job: CatalogueImport) -> str:
    return address("catalog_catalogueimport_change", job)


def act(client: Client, name: str, job: CatalogueImport, **form: str):
    return client.post(address(f"catalog_catalogueimport_{name}", job), form)


def test_file_is_tried_mapped_started_and_undone(client, run_owed_work):
    answer = upload(client)
    job = CatalogueImport.objects.get()
    run_owed_work()

    assert (answer.status_code, answer["Location"]) == (302, page(job))
    assert told(answer) == ["The file is taken and being tried. Look again in a moment."]
    shown = client.get(page(job)).content.decode()
    assert "&#x27;x&#x27; is no amount such as 1299.00." in shown
    assert "What it would do" in shown
    assert offered(client, page(job)) == ["Start", "Change mapping", "Download errors"]
    assert Product.objects.count() == 0

    assert act(client, "change_mapping", job, column_0="name", column_1="sku", column_2="price").status_code == 302
    run_owed_work()
    job.refresh_from_db()
    assert (job.mapping, job.dry_run, job.created) == ({"name": "name", "code": "sku", "price": "price"}, True, 1)

    assert told(act(client, "start", job)) == ["The file is being tried again.", "Started. Look again in a moment."]
    run_owed_work()
    assert Product.objects.get().variants.get().sku == "L-1"
    assert offered(client, page(job)) == ["Undo", "Download errors"]

    act(client, "undo", job)
    run_owed_work()
    job.refresh_from_db()
    assert (job.state, Product.objects.for_sale().count()) == ("undone", 0)
    assert offered(client, page(job)) == ["Download errors"]


def test_waiting_import_is_cancelled(client):
    upload(client)
    job = CatalogueImport.objects.get()

    assert offered(client, page(job)) == ["Cancel"]
    act(client, "cancel", job)
    job.refresh_from_db()
    assert job.state == "cancelled"


def test_refused_file_becomes_a_message(client, media):
    answer = upload(client, b"\x89PNG\r\n\x1a\n")

    assert told(answer) == ["This is a picture, not a CSV, NDJSON or XLSX file."]
    assert (CatalogueImport.objects.count(), stored(media)) == (0, [])


def test_mapping_that_does_not_fit_becomes_a_message(client, run_owed_work):
    job = tried(client, run_owed_work)

    answer = act(client, "change_mapping", job, column_0="name", column_1="name", column_2="price")

    assert told(answer)[-1] == "name is what 'name' means already."
    job.refresh_from_db()
    assert (job.run, job.mapping["code"]) == (1, "")


def test_errors_and_products_are_downloaded(client, run_owed_work):
    job = tried(client, run_owed_work)
    ProductFactory(url_key="lamp", product_name="=Lamp")

    errors = client.get(address("catalog_catalogueimport_download_errors", job))
    products = client.post(EXPORT, {"form": "csv"})

    assert [row["code"] for row in table(b"".join(errors.streaming_content))] == ["bad_price"]
    assert [row["product_name"] for row in table(b"".join(products.streaming_content))] == ["'=Lamp"]
    assert client.post(EXPORT, {"form": "pdf"}).status_code == 200  # the form again


def test_pages_open(client, run_owed_work):
    job = tried(client, run_owed_work)
    actions = ("start", "change_mapping", "cancel", "undo")
    pages = [LIST, page(job), IMPORT, EXPORT]
    pages += [address(f"catalog_catalogueimport_{name}", job) for name in actions]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert listed(client.get(LIST)) == [job]
    buttons = client.get(address("catalog_product_changelist")).content.decode()
    assert (IMPORT in buttons, EXPORT in buttons) == (True, True)


def test_pages_are_closed_to_others(client, customer, run_owed_work, media):
    job = tried(client, run_owed_work)
    pages = [LIST, page(job), IMPORT, EXPORT, address("catalog_catalogueimport_download_errors", job)]
    pages += [address(f"catalog_catalogueimport_{name}", job) for name in ("start", "change_mapping", "cancel", "undo")]

    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)
    reader = logged_in(member_of_staff("catalog.view_product", "catalog.change_product"))
    assert (upload(reader).status_code, act(reader, "start", job).status_code) == (403, 403)
    assert (client.get(EXPORT).status_code, reader.get(EXPORT).status_code) == (200, 200)
    job.refresh_from_db()
    assert (job.dry_run, job.run, CatalogueImport.objects.count(), len(stored(media))) == (True, 1, 1, 1)


def test_counting_stock_needs_the_right_to_change_it(run_owed_work, staff):
    clerk = logged_in(member_of_staff(*RIGHTS))

    assert told(upload(clerk, update_stock="on")) == ["Counting stock needs the right to change it."]
    upload(logged_in(staff), update_stock="on")
    run_owed_work()
    job = CatalogueImport.objects.get()
    assert act(clerk, "start", job).status_code == 403
    job.refresh_from_db()
    assert (job.dry_run, job.run) == (True, 1)


def test_number_of_statements_does_not_grow(client, run_owed_work):
    job = tried(client, run_owed_work)
    one = [queries_of(client, LIST), queries_of(client, page(job))]
    many = b"name,code,price\n" + b"".join(b"Lamp %d,L,x\n" % number for number in range(20))
    more = tried(client, run_owed_work, many)
    tried(client, run_owed_work)

    assert [queries_of(client, LIST), queries_of(client, page(more))] == one


def test_export_has_what_the_list_was_filtered_to(client):
    lamp = ProductFactory(product_name="Lamp", sku="L-1")
    ProductFactory(product_name="Lamp of old", sku="L-0", is_active=False)
    ProductFactory(product_name="Torch", sku="T-1")
    asked = f"?is_active__exact=1&q=lamp&branch={lamp.category.url_key}"

    page = client.get(f"{address('catalog_product_changelist')}{asked}")
    (link,) = [action["path"] for action in page.context["actions_list"] if action["path"].startswith(EXPORT)]
    answer = client.post(link, {"form": "csv"})

    assert listed(page) == [lamp]
    assert [row["sku"] for row in table(b"".join(answer.streaming_content))] == ["L-1"]


def test_export_by_a_filter_that_is_none_goes_back_to_the_list(client):
    ProductFactory()

    answer = client.post(f"{EXPORT}?nonsense__exact=1", {"form": "csv"})

    assert (answer.status_code, told(answer)) == (302, ["The list has no such filter."])


def test_undo_is_in_the_history_as_done_by_who_asked(client, staff, run_owed_work):
    job = tried(client, run_owed_work)
    act(client, "start", job)
    run_owed_work()
    other = member_of_staff(*RIGHTS)

    act(logged_in(other), "undo", job)
    run_owed_work()

    product = Product.objects.get()
    assert product.deleted_at is not None
    done = read_changes(list(changes_of(Product, product.pk)))
    assert [(done[index].via, done[index].actor) for index in (0, -1)] == [("import", other), ("import", staff)]
