"""Pictures over HTTP: who may do what, what is refused and leaves nothing behind, what customers see."""

import io
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from catalog import services as catalog_services
from catalog.images import services
from catalog.images.models import ProductImage
from catalog.models import Product
from tests.admin_pages import member_of_staff
from tests.catalog.image_requests import PNG, add, errors, everything, images, order, stored, upload
from tests.catalog.pictures import drawn, encoded, packed_png, photograph
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory, variant_of

SHOP = "http://127.0.0.1:8000"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


# --- Uploading ------------------------------------------------------------------------------------------------


def test_upload_is_answered_at_once_and_drawn_by_a_worker(clerk, api_client, product, run_owed_work, media):
    answer = upload(clerk, product, encoded(drawn(600, 400), "JPEG"), alt="A charger")

    assert answer.status_code == 201, answer.json()
    image = ProductImage.objects.get()
    shown = {
        "id": str(image.pk),
        "product": str(product.pk),
        "variant": None,
        "position": 0,
        "alt": "A charger",
        "state": "processing",
        "failure": "",
        "width": 600,
        "height": 400,
        "url": "",
        "thumbnails": [],
        "created_at": answer.json()["created_at"],
    }
    assert answer.json() == shown
    assert stored(media) == [f"incoming/{image.pk.hex}"]
    assert api_client.get(images(product)).json()["results"] == []
    assert api_client.get(images(product, image)).status_code == 404
    assert clerk.get(images(product)).json()["results"] == [shown]

    assert run_owed_work() == ["catalog.process_image", "catalog.remove_files"]

    folder = f"products/{image.pk.hex[-2:]}"
    names = {size: f"{folder}/{image.pk.hex}-{size}.webp" for size in (160, 480, 1080, 2048)}
    assert stored(media) == sorted(names.values())
    ready = shown | {
        "state": "ready",
        "url": f"{SHOP}/media/{names[2048]}",
        "thumbnails": [
            {"size": 160, "url": f"{SHOP}/media/{names[160]}", "width": 160, "height": 107},
            {"size": 480, "url": f"{SHOP}/media/{names[480]}", "width": 480, "height": 320},
            {"size": 1080, "url": f"{SHOP}/media/{names[1080]}", "width": 600, "height": 400},
            {"size": 2048, "url": f"{SHOP}/media/{names[2048]}", "width": 600, "height": 400},
        ],
    }
    assert api_client.get(images(product)).json()["results"] == [ready]
    assert api_client.get(images(product, image)).json() == ready
    detail = api_client.get(f"/api/products/{product.url_key}/").json()
    assert (detail["images"], detail["image_url"]) == ([ready], f"{SHOP}/media/{names[1080]}")


@pytest.mark.parametrize("key", ["pk", "url_key"])
def test_product_is_named_by_id_or_url_key(clerk, product, key):
    answer = clerk.post(
        f"/api/products/{getattr(product, key)}/images/",
        {"file": SimpleUploadedFile("a.png", PNG)},
        format="multipart",
    )

    assert (answer.status_code, answer.json()["product"]) == (201, str(product.pk))


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "/absolute.png",
        "a" * 300 + ".png",
        "picture.svg",
        "x.php",
        "💥.png",
        "a\x00b.png",
    ],
)
def test_name_and_type_that_a_client_says_play_no_part(clerk, product, media, name):
    answer = upload(clerk, product, name=name, kind="text/html")

    assert answer.status_code == 201, answer.json()
    assert stored(media) == [f"incoming/{ProductImage.objects.get().pk.hex}"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_format_is_taken_whatever_it_is_called(clerk, product, run_owed_work, kind):
    assert upload(clerk, product, encoded(kind=kind), name="a.txt", kind="text/plain").status_code == 201
    run_owed_work()

    assert ProductImage.objects.get().state == "ready"


def test_picture_from_a_phone_is_upright_and_says_nothing_of_its_place(clerk, product, run_owed_work, media):
    upload(clerk, product, photograph(orientation=6, width=600, height=400))
    assert ProductImage.objects.values_list("width", "height").get() == (600, 400)

    run_owed_work()

    assert ProductImage.objects.values_list("width", "height").get() == (400, 600)
    assert all(b"canary" not in (media / name).read_bytes() for name in stored(media))
    assert len(stored(media)) == 4


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 400, "image_svg"),
        (b"<html><script>alert(1)</script>", 400, "image_unsupported"),
        (b"%PDF-1.7", 400, "image_unsupported"),
        (encoded(kind="BMP"), 400, "image_unsupported"),
        (PNG[:-20], 400, "image_damaged"),
        (encoded(kind="JPEG")[:-30], 400, "image_damaged"),
        (packed_png(13_000, 13_000), 400, "image_too_many_pixels"),
        (packed_png(10_001, 1), 400, "image_too_many_pixels"),
        (PNG + bytes(5 * 1024 * 1024 - len(PNG) + 1), 413, "image_too_large"),
        (b"", 400, "empty"),
    ],
    ids=["svg", "html", "pdf", "bmp", "cut png", "cut jpeg", "169 megapixels", "too wide", "a byte too many", "empty"],
)
def test_refused_file_leaves_nothing_behind(clerk, product, media, data, status, code):
    add(product, 1)
    before = everything(media)

    answer = upload(clerk, product, data)

    assert (answer.status_code, errors(answer)) == (status, [(code, "file")])
    assert everything(media) == before


def test_five_megabytes_are_taken(clerk, product):
    assert upload(clerk, product, PNG + bytes(5 * 1024 * 1024 - len(PNG))).status_code == 201


def test_far_too_large_body_is_not_even_read(clerk, product, media):
    class Unreadable(io.RawIOBase):
        def readinto(self, buffer):
            pytest.fail("read")

    before = everything(media)

    answer = clerk.generic(
        "POST",
        images(product),
        b"x",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(60 * 1024 * 1024),
        **{"wsgi.input": Unreadable()},
    )

    assert (answer.status_code, errors(answer)) == (413, [("image_too_large", "file")])
    assert everything(media) == before


@pytest.mark.parametrize(
    ("fields", "status", "wrong"),
    [
        ({}, 400, [("required", "file")]),
        ({"file": "no file"}, 400, [("invalid", "file")]),
        ({"alt": "x" * 201}, 400, [("required", "file"), ("max_length", "alt")]),
        ({"variant": "x"}, 400, [("required", "file"), ("invalid", "variant")]),
    ],
)
def test_form_is_checked(clerk, product, media, fields, status, wrong):
    before = everything(media)

    answer = clerk.post(images(product), fields, format="multipart")

    assert (answer.status_code, errors(answer)) == (status, wrong)
    assert everything(media) == before


def test_json_is_no_upload(clerk, product):
    assert clerk.post(images(product), {"file": "x"}, format="json").status_code == 415


def test_nul_in_a_text_is_refused(clerk, product, media):
    before = everything(media)

    answer = upload(clerk, product, alt="a\x00b")

    assert (answer.status_code, errors(answer)) == (400, [("null_characters_not_allowed", "alt")])
    assert everything(media) == before


def test_variant_must_be_the_products_own(clerk, product, media):
    other = variant_of(ProductFactory())
    before = everything(media)

    for variant in (other.pk, uuid4()):
        answer = upload(clerk, product, variant=str(variant))
        assert (answer.status_code, errors(answer)) == (400, [("variant_unknown", "variant")])

    assert everything(media) == before
    own = variant_of(product)
    assert upload(clerk, product, variant=str(own.pk)).json()["variant"] == str(own.pk)


def test_same_file_twice_is_one_picture(clerk, product, media, run_owed_work):
    first = upload(clerk, product, alt="First").json()
    again = upload(clerk, product, alt="Second", name="b.png")

    assert (again.status_code, again.json()) == (200, first)
    assert stored(media) == [f"incoming/{ProductImage.objects.get().pk.hex}"]
    other = ProductFactory()
    assert upload(clerk, other).status_code == 201  # another product's picture is its own
    run_owed_work()
    assert upload(clerk, product).json()["state"] == "ready"


def test_picture_that_failed_is_tried_anew_in_its_place(clerk, product, run_owed_work, media):
    add(product, 1)
    failed = upload(clerk, product).json()
    add(product, 2)
    ProductImage.objects.filter(pk=failed["id"]).update(state="failed", failure="image_not_processed", upload="")

    answer = upload(clerk, product)

    assert (answer.status_code, answer.json()["position"]) == (201, 1)
    assert answer.json()["id"] != failed["id"]
    run_owed_work()
    assert set(ProductImage.objects.values_list("state", flat=True)) == {"ready"}
    assert [position for position, _ in order(product)] == [0, 1, 2]


def test_product_has_a_limited_number_of_pictures(clerk, product, media, monkeypatch):
    monkeypatch.setattr(services, "MAX_IMAGES", 2)
    add(product, 1, 2)
    before = everything(media)

    answer = upload(clerk, product)

    assert (answer.status_code, errors(answer)) == (409, [("too_many_images", None)])
    assert everything(media) == before


def test_full_disk_leaves_no_half_file(clerk, product, media, monkeypatch):
    before = everything(media)

    def half(name, content, max_length=None):
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read()[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", half)

    answer = upload(clerk, product)

    assert (answer.status_code, errors(answer)) == (503, [("temporarily_unavailable", None)])
    assert everything(media) == before


# --- Who may ----------------------------------------------------------------------------------------------------


def writes(product: Product, image: ProductImage):
    return [
        lambda client: upload(client, product),
        lambda client: client.patch(images(product, image), {"alt": "x", "position": 0}),
        lambda client: client.delete(images(product, image)),
        lambda client: client.post(images(product, "reorder"), {"ids": [str(image.pk)]}),
    ]


def test_only_staff_with_the_right_write(product, media, customer, api_client):
    add(product, 1)
    image = add(product, 2)[0]
    without_staff = member_of_staff("catalog.change_product")
    without_staff.is_staff = False
    without_staff.save()
    people = {
        401: [api_client],
        403: [
            client_for(customer),
            client_for(UserFactory(role="seller")),
            client_for(member_of_staff("catalog.view_product")),
            client_for(without_staff),
        ],
    }
    before = everything(media)

    for status, clients in people.items():
        for client in clients:
            assert [write(client).status_code for write in writes(product, image)] == [status] * 4

    assert everything(media) == before


def test_other_products_pictures_are_not_found_here(clerk, product, media):
    foreign = add(ProductFactory(), 1)[0]
    before = everything(media)

    answers = [
        clerk.get(images(product, foreign)),
        clerk.patch(images(product, foreign), {"alt": "x"}),
        clerk.delete(images(product, foreign)),
        clerk.post(images(product, "reorder"), {"ids": [str(foreign.pk)]}),
        clerk.get("/api/products/no-such/images/"),
        upload(clerk, Product(url_key="x")),
        clerk.delete(images(product, str(uuid4()))),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 409, 404, 404, 404]
    assert everything(media) == before


def test_product_that_is_not_for_sale_is_for_its_staff(clerk, api_client, product, run_owed_work):
    add(product, 1)
    run_owed_work()
    Product.objects.filter(pk=product.pk).update(is_active=False)

    assert api_client.get(images(product)).status_code == 404
    assert (clerk.get(images(product)).json()["count"], upload(clerk, product).status_code) == (1, 201)
    catalog_services.soft_delete_product(product)
    assert (clerk.get(images(product)).status_code, upload(clerk, product).status_code) == (404, 404)


# --- Serving on a laptop ----------------------------------------------------------------------------------------


def test_pictures_are_served_as_nothing_else(api_client, product, run_owed_work):
    add(product, 1)
    run_owed_work()
    url = api_client.get(images(product)).json()["results"][0]["url"].removeprefix(SHOP)

    answer = api_client.get(url)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert (answer["X-Content-Type-Options"], answer["Content-Disposition"]) == ("nosniff", "attachment")
    assert b"".join(answer.streaming_content)[8:12] == b"WEBP"
    assert api_client.post(url).status_code == 405


def test_uploads_and_whatever_else_lies_there_are_not_served(api_client, product, media):
    image = add(product, 1)[0]
    (media / "secret.html").write_text("<script>")
    (media.parent / "outside.png").write_bytes(PNG)

    hidden = [image.upload, "secret.html", "products/", "nothing.webp", ".webp"]
    outside = ["../outside.png", "%2e%2e/outside.png"]

    assert stored(media) == [image.upload, "secret.html"]
    assert {path: api_client.get(f"/media/{path}").status_code for path in hidden} == dict.fromkeys(hidden, 404)
    assert {path: api_client.get(f"/media/{path}").status_code for path in outside} == dict.fromkeys(outside, 400)
