"""The same pictures in a bucket."""

import importlib
import sys
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from catalog.images import files, services, sweeping
from catalog.images.models import ProductImage
from ecommerce.exceptions import Busy
from ecommerce.pictures import storage as stored
from tests.catalog.bucket import Bucket, serving
from tests.catalog.pictures import encoded
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db

NAMES = (
    "AWS_STORAGE_BUCKET_NAME",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_S3_REGION_NAME",
    "AWS_S3_ENDPOINT_URL",
    "AWS_S3_CUSTOM_DOMAIN",
)
KEYS = {"AWS_STORAGE_BUCKET_NAME": "shop", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def storage(monkeypatch):
    """Return what the settings make of an environment."""

    def load(**environment):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "ecommerce.media_settings")
        return importlib.import_module("ecommerce.media_settings").MEDIA_STORAGE

    return load


@pytest.fixture
def bucket(settings, storage) -> Iterator[Bucket]:
    with serving("shop") as bucket:
        options = {"AWS_S3_REGION_NAME": "af-south-1", "AWS_S3_ENDPOINT_URL": bucket.address}
        made = storage(**KEYS, **options, AWS_S3_CUSTOM_DOMAIN="cdn.shop.example")
        settings.STORAGES = settings.STORAGES | {"default": made}
        yield bucket


def test_without_a_bucket_uploads_lie_on_the_disk(storage, monkeypatch):
    monkeypatch.setitem(sys.modules, "botocore.config", None)  # importing it would fail

    assert storage()["BACKEND"] == "django.core.files.storage.FileSystemStorage"
    assert storage(AWS_STORAGE_BUCKET_NAME=" ")["BACKEND"] == "django.core.files.storage.FileSystemStorage"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"AWS_SECRET_ACCESS_KEY": ""}, "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither of them."),
        ({"AWS_ACCESS_KEY_ID": " "}, "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither of them."),
        (
            {"AWS_S3_CUSTOM_DOMAIN": "https://cdn.shop.example"},
            "AWS_S3_CUSTOM_DOMAIN is a host, such as cdn.shop.example, without https://.",
        ),
    ],
)
def test_half_a_bucket_is_refused(storage, changes, sentence):
    with pytest.raises(ImproperlyConfigured) as refusal:
        storage(**KEYS | changes)

    assert str(refusal.value) == sentence


def test_machine_with_a_role_needs_no_keys(storage):
    options = storage(AWS_STORAGE_BUCKET_NAME="shop")["OPTIONS"]

    assert (options["access_key"], options["secret_key"], options["querystring_auth"]) == (None, None, False)


def test_picture_goes_its_whole_way_in_a_bucket(bucket, run_owed_work, api_client):
    product = ProductFactory()

    image, _ = services.add_image(product.pk, data=encoded())
    assert list(bucket.objects) == [f"incoming/{image.pk.hex}"]
    run_owed_work()

    names = {files.picture_name(image.pk, size) for size in (160, 480, 1080, 2048)}
    assert bucket.objects.keys() == names
    for data, headers in bucket.objects.values():
        assert data[8:12] == b"WEBP"
        assert headers["content-type"] == "image/webp"
        assert headers["cache-control"] == "public, max-age=2592000, immutable"
        assert "x-amz-acl" not in headers
    shown = api_client.get(f"/api/products/{product.pk}/").json()
    assert shown["image_url"] == f"https://cdn.shop.example/{files.picture_name(image.pk, 1080)}"
    before = len(bucket.requests)
    api_client.get("/api/products/")
    assert len(bucket.requests) == before  # showing asks nobody

    services.delete_image(ProductImage.objects.get())
    run_owed_work()
    assert bucket.objects == {}


def test_address_without_a_domain_of_its_own_carries_no_signature(storage, settings):
    made = storage(**KEYS, AWS_S3_ENDPOINT_URL="https://objects.example")
    settings.STORAGES = settings.STORAGES | {"default": made}

    assert stored.address_of("products/00/a.webp") == "https://objects.example/shop/products/00/a.webp"


def test_bucket_that_is_away_is_a_503_and_leaves_no_row(bucket):
    product = ProductFactory()
    bucket.is_away = True

    with pytest.raises(Busy):
        services.add_image(product.pk, data=encoded())

    assert ProductImage.objects.count() == 0
    assert 2 <= len(bucket.requests) <= 4  # asked twice, not five times


def test_orphans_in_a_bucket_go(bucket, run_owed_work):
    image, _ = services.add_image(ProductFactory().pk, data=encoded())
    run_owed_work()
    lost = ProductImage().pk
    stored.store(files.upload_name(lost), b"x")
    stored.store(f"incoming/{'zz'}", b"x")

    assert sweeping.remove_orphans("incoming") == 1
    assert sweeping.remove_orphans(f"products/{image.pk.hex[-2:]}") == 0

    assert files.upload_name(lost) not in bucket.objects
    assert len(bucket.objects) == 5
