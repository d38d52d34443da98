"""Pictures as shop staff see them."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.images.models import ProductImage
from catalog.models import Product
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.catalog.image_requests import add, picture
from tests.catalog.test_admin import product_form
from tests.factories import ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

LIST = address("catalog_productimage_changelist")


@pytest.fixture
def client(staff) -> Client:
    return logged_in(staff)


def upload(client: Client, product: Product, data: bytes, **fields: str):
    page = address("catalog_product_add_picture", product)
    return client.post(page, {"file": SimpleUploadedFile("a.png", data), **fields})


def form_of(product: Product, **changes: object) -> dict[str, str]:
    """Return what the product's page would send; ``places``, ``alts`` and ``deleted`` are by the row's number."""
    rows = list(ProductImage.objects.filter(product=product).order_by("position"))
    form = product_form(product) | {"images-TOTAL_FORMS": str(len(rows)), "images-INITIAL_FORMS": str(len(rows))}
    for index, row in enumerate(rows):
        form |= {
            f"images-{index}-id": str(row.pk),
            f"images-{index}-product": str(product.pk),
            f"images-{index}-place": str(changes.get("places", {}).get(index, row.position + 1)),
            f"images-{index}-alt": changes.get("alts", {}).get(index, row.alt),
        }
        if index in changes.get("deleted", ()):
            form[f"images-{index}-DELETE"] = "on"
    return form


def rows(product: Product) -> list[tuple[object, int, str]]:
    return list(ProductImage.objects.filter(product=product).order_by("position").values_list("pk", "position", "alt"))


def test_pages_open_and_show_previews(client, product, run_owed_work):
    image = add(product, 1)[0]
    add(product, 2)
    run_owed_work()
    failed = add(product, 3)[0]
    ProductImage.objects.filter(pk=failed.pk).update(state="failed", failure="image_damaged")
    pages = [
        LIST,
        address("catalog_productimage_change", image),
        address("catalog_product_change", product),
        address("catalog_product_add_picture", product),
    ]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    for page in (LIST, address("catalog_product_change", product)):
        text = client.get(page).content.decode()
        assert f"{image.pk.hex}-160.webp" in text
        assert "Failed: image_damaged" in text
    assert 'enctype="multipart/form-data"' in client.get(pages[-1]).content.decode()


def test_pages_are_closed_to_others(product, customer):
    image = add(product, 1)[0]
    pages = [LIST, address("catalog_productimage_change", image), address("catalog_product_add_picture", product)]

    assert statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(customer), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_failed_pictures_are_found(client, product):
    good, bad = add(product, 1, 2)
    ProductImage.objects.filter(pk=bad.pk).update(state="failed", failure="image_damaged")

    assert listed(client.get(LIST, {"state__exact": "failed"})) == [bad]
    assert set(listed(client.get(LIST))) == {good, bad}
    card = next(card for card in client.get("/admin/").context["waiting"] if card["title"] == "Pictures that failed")
    assert (card["count"], card["url"]) == (1, f"{LIST}?state__exact=failed")


def test_picture_is_added_on_a_page_of_its_own(client, product, run_owed_work):
    page = address("catalog_product_change", product)
    assert "Add a picture" in offered(client, page)

    answer = upload(client, product, picture(1), alt="A charger")

    assert (answer.status_code, answer["Location"]) == (302, page)
    assert told(answer) == ["The picture is taken; its thumbnails are being made."]
    assert ProductImage.objects.values_list("product", "alt").get() == (product.pk, "A charger")
    run_owed_work()
    assert told(upload(client, product, picture(1)))[-1] == "The product has it already."
    assert ProductImage.objects.values_list("state", flat=True).get() == "ready"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<svg/>", "SVG is not taken: such a file can carry programs. Send a PNG of it."),
        (picture(1)[:-20], "The picture is damaged or was cut off on its way."),
        (picture(1) + bytes(5 * 1024 * 1024), "The file is larger than 5 MB."),
    ],
)
def test_refused_picture_becomes_a_message(client, product, media, data, message):
    assert told(upload(client, product, data)) == [message]

    assert (ProductImage.objects.count(), [path for path in media.rglob("*") if path.is_file()]) == (0, [])


def test_whoever_may_change_products_adds_pictures_and_others_do_not(product):
    clerk = logged_in(member_of_staff("catalog.change_product", "catalog.view_product"))
    reader = logged_in(member_of_staff("catalog.view_product"))
    page = address("catalog_product_change", product)

    assert (upload(reader, product, picture(1)).status_code, ProductImage.objects.count()) == (403, 0)
    assert "Add a picture" not in offered(reader, page)
    assert (upload(clerk, product, picture(1)).status_code, ProductImage.objects.count()) == (302, 1)
    assert offered(clerk, page) == ["Add a picture"]


def test_reader_changes_no_pictures(product):
    add(product, 1, 2)
    reader = logged_in(member_of_staff("catalog.view_product"))
    before = rows(product)

    answer = reader.post(
        address("catalog_product_change", product), form_of(product, places={0: 2}, alts={1: "x"}, deleted=[0])
    )

    assert (answer.status_code, rows(product)) == (403, before)


def test_removed_product_takes_no_pictures(client, product):
    Product.objects.filter(pk=product.pk).update(deleted_at="2026-01-01T00:00:00Z")

    assert offered(client, address("catalog_product_change", product)) == ["Restore"]


@pytest.mark.parametrize(
    ("places", "result"), [({0: 3}, [1, 0, 2]), ({2: 1}, [2, 0, 1]), ({0: 2, 1: 1}, [1, 0, 2]), ({}, [0, 1, 2])]
)
def test_places_are_changed_on_the_products_page(client, product, places, result):
    images = add(product, 1, 2, 3)

    answer = client.post(address("catalog_product_change", product), form_of(product, places=places))

    assert answer.status_code == 302, answer.context["errors"]
    assert [pk for pk, *_ in rows(product)] == [images[index].pk for index in result]


def test_texts_are_changed_and_pictures_deleted_on_the_products_page(client, product, run_owed_work, media):
    images = add(product, 1, 2, 3)
    run_owed_work()

    answer = client.post(
        address("catalog_product_change", product), form_of(product, alts={1: "A cable"}, places={2: 1}, deleted=[0])
    )
    run_owed_work()

    assert answer.status_code == 302, answer.context["errors"]
    assert rows(product) == [(images[2].pk, 0, ""), (images[1].pk, 1, "A cable")]
    assert len([path for path in media.rglob("*") if path.is_file()]) == 8
    product.refresh_from_db()
    assert images[2].pk.hex in product.picture


def test_number_of_statements_does_not_grow(client, product, run_owed_work):
    add(product, 1)
    run_owed_work()
    pages = [LIST, address("catalog_product_change", product)]
    with_one = [queries_of(client, page) for page in pages]
    add(product, 2, 3)
    add(ProductFactory(), 4)
    run_owed_work()

    assert [queries_of(client, page) for page in pages] == with_one
