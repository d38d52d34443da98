"""Pictures over HTTP: changing what is there, and what customers see of it."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.images import services
from catalog.images.models import ProductImage
from catalog.models import Product, Variant
from catalog.services import VariantInput
from tests.catalog.image_requests import add, errors, everything, images, order, picture, stored, upload
from tests.factories import ProductFactory, variant_of

SHOP = "http://127.0.0.1:8000"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


# --- Changing -----------------------------------------------------------------------------------------------------


def test_text_is_changed_alone(clerk, product, run_owed_work):
    first, second = add(product, 1, 2)
    run_owed_work()

    answer = clerk.patch(images(product, second), {"alt": "A cable"})

    assert (answer.status_code, answer.json()["alt"], answer.json()["position"]) == (200, "A cable", 1)
    assert list(ProductImage.objects.order_by("position").values_list("pk", "alt")) == [
        (first.pk, ""),
        (second.pk, "A cable"),
    ]


@pytest.mark.parametrize(
    ("which", "position", "result"), [(2, 0, [2, 0, 1]), (0, 2, [1, 2, 0]), (0, 1, [1, 0, 2]), (1, 1, [0, 1, 2])]
)
def test_picture_is_moved_and_the_others_close_up(clerk, product, run_owed_work, which, position, result):
    rows = add(product, 1, 2, 3)
    run_owed_work()

    answer = clerk.patch(images(product, rows[which]), {"position": position})

    assert (answer.status_code, answer.json()["position"]) == (200, position)
    assert order(product) == [(place, rows[index].sha256) for place, index in enumerate(result)]
    first = ProductImage.objects.get(product=product, position=0)
    product.refresh_from_db()
    assert product.picture == first.thumbnails["1080"]["file"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"position": 2}, ("position_out_of_range", "position")),
        ({"position": 40_000}, ("max_value", "position")),
        ({"position": -1}, ("min_value", "position")),
        ({"position": "x"}, ("invalid", "position")),
        ({"alt": "x" * 201}, ("max_length", "alt")),
        ({"alt": None}, ("null", "alt")),
    ],
)
def test_change_that_cannot_be_changes_nothing(clerk, product, media, body, wrong):
    image, _ = add(product, 1, 2)
    before = everything(media)

    answer = clerk.patch(images(product, image), {"alt": "kept"} | body)

    assert (answer.status_code, errors(answer)) == (400, [wrong])
    assert everything(media) == before


def test_what_is_not_to_be_written_is_not(clerk, product, run_owed_work):
    image = add(product, 1)[0]
    run_owed_work()
    before = ProductImage.objects.values().get()
    sent = {
        "id": str(uuid4()),
        "product": str(ProductFactory().pk),
        "variant": str(variant_of(product).pk),
        "state": "failed",
        "failure": "x",
        "sha256": "0" * 64,
        "upload": "../../etc/passwd",
        "thumbnails": {"160": {"file": "../x"}},
        "width": 1,
        "height": 1,
        "url": "https://evil.example",
        "created_at": "2020-01-01T00:00:00Z",
    }

    assert clerk.patch(images(product, image), sent).status_code == 200
    assert upload(clerk, product, picture(9), state="ready", upload="../x", position="0").json()["position"] == 1

    assert ProductImage.objects.filter(pk=image.pk).values().get() == before


def test_pictures_are_put_in_order_all_at_once(clerk, product, run_owed_work):
    rows = add(product, 1, 2, 3)
    run_owed_work()
    wanted = [rows[2], rows[0], rows[1]]

    answer = clerk.post(images(product, "reorder"), {"ids": [str(row.pk) for row in wanted]})

    assert answer.status_code == 200
    assert [(row["id"], row["position"]) for row in answer.json()] == [
        (str(row.pk), place) for place, row in enumerate(wanted)
    ]
    assert order(product) == [(place, row.sha256) for place, row in enumerate(wanted)]
    product.refresh_from_db()
    assert product.picture == ProductImage.objects.get(pk=rows[2].pk).thumbnails["1080"]["file"]


def test_order_that_does_not_name_each_picture_once_changes_nothing(clerk, product, media):
    rows = [str(row.pk) for row in add(product, 1, 2)]
    before = everything(media)

    for ids in ([], rows[:1], [*rows, str(uuid4())], [rows[0], rows[0]], [rows[0], rows[1], rows[1]]):
        answer = clerk.post(images(product, "reorder"), {"ids": ids})
        assert (answer.status_code, errors(answer), answer.json()["images"]) == (409, [("images_changed", "ids")], rows)
    for ids, code in (("x", "not_a_list"), (["x"], "invalid"), ([str(uuid4())] * 101, "max_length")):
        answer = clerk.post(images(product, "reorder"), {"ids": ids})
        assert (answer.status_code, errors(answer)[0][0]) == (400, code)

    assert everything(media) == before


def test_deleted_picture_takes_its_files_along(clerk, product, run_owed_work, media):
    first, second = add(product, 1, 2)
    run_owed_work()

    assert clerk.delete(images(product, first)).status_code == 204

    assert len(stored(media)) == 8  # they go after the commit
    assert run_owed_work() == ["catalog.remove_files"]
    assert {Path(name).name.partition("-")[0] for name in stored(media)} == {second.pk.hex}
    assert order(product) == [(0, second.sha256)]
    product.refresh_from_db()
    assert product.picture.startswith(f"products/{second.pk.hex[-2:]}/{second.pk.hex}")
    clerk.delete(images(product, second))
    product.refresh_from_db()
    assert (product.picture, product.shown_image_url) == ("", "https://feed.example/a.jpg")


def test_picture_deleted_while_it_waits_leaves_nothing(clerk, product, run_owed_work, media):
    image = add(product, 1)[0]

    clerk.delete(images(product, image))
    run_owed_work()

    assert (stored(media), ProductImage.objects.count()) == ([], 0)


# --- What customers see -----------------------------------------------------------------------------------------


def test_first_ready_picture_stands_for_the_product_and_its_variant(clerk, api_client, run_owed_work):
    product = ProductFactory(
        image_url="https://feed.example/a.jpg",
        variants=[
            VariantInput(sku="RED", price=10, options={"color": "Red"}),
            VariantInput(sku="BLUE", price=10, options={"color": "Blue"}),
        ],
    )
    blue = Variant.objects.get(sku="BLUE")
    add(product, 1)
    shown, _ = services.add_image(product.pk, data=picture(2), variant_id=blue.pk)
    ProductImage.objects.filter(position=0).update(state="failed", failure="image_damaged")
    run_owed_work()

    url = f"{SHOP}/media/products/{shown.pk.hex[-2:]}/{shown.pk.hex}-1080.webp"
    detail = api_client.get(f"/api/products/{product.pk}/").json()
    assert (detail["image_url"], [row["id"] for row in detail["images"]]) == (url, [str(shown.pk)])
    assert {row["sku"]: row["image_url"] for row in detail["variants"]} == {"RED": "", "BLUE": url}
    assert api_client.get("/api/products/").json()["results"][0]["image_url"] == url
    assert Product.objects.get().image_url == "https://feed.example/a.jpg"


def test_address_is_never_made_from_the_request(api_client, product, run_owed_work):
    add(product, 1)
    run_owed_work()

    answer = api_client.get(images(product), HTTP_HOST="localhost", HTTP_X_FORWARDED_HOST="evil.example").json()

    assert answer["results"][0]["url"].startswith(f"{SHOP}/media/products/")


def test_unknown_parameters_are_refused(api_client, product):
    answer = api_client.get(images(product), {"state": "failed"})

    assert (answer.status_code, errors(answer)) == (400, [("invalid", "state")])


@pytest.mark.parametrize("address", ["/api/products/", "/api/products/{}/", "/api/products/{}/images/"])
def test_number_of_statements_does_not_grow(api_client, product, run_owed_work, address):
    def statements():
        with CaptureQueriesContext(connection) as captured:
            assert api_client.get(address.format(product.pk)).status_code == 200
        return len(captured)

    add(product, 1)
    run_owed_work()
    with_one = statements()
    add(product, 2, 3)
    add(ProductFactory(), 4, 5)
    run_owed_work()

    assert statements() == with_one
