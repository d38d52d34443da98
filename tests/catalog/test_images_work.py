"""Pictures behind the scenes: workers that die or come twice, people at the same moment, tidying up."""

import os
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound

from catalog import tasks
from catalog.images import files, processing, services, sweeping
from catalog.images.exceptions import ImagesChanged, TooManyImages
from catalog.images.models import ProductImage
from catalog.models import Product
from ecommerce.exceptions import Busy
from ecommerce.models import OutboxMessage
from ecommerce.pictures import storage
from ecommerce.pictures.drawing import SIZES
from tests.catalog.image_requests import add, picture, stored
from tests.factories import ProductFactory, variant_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


def drawn_files(image: ProductImage) -> list[str]:
    return sorted(files.picture_name(image.pk, size) for size in SIZES)


def make_old(media: Path, *names: str) -> None:
    moment = time.time() - sweeping.ORPHAN_AGE.total_seconds() - 60
    for name in names:
        os.utime(media / name, (moment, moment))


def as_fields(image: ProductImage) -> dict[str, object]:
    return ProductImage.objects.filter(pk=image.pk).values().get()


# --- The worker ---------------------------------------------------------------------------------------------------


def test_work_that_is_repeated_changes_nothing(product, media, run_owed_work):
    image = add(product, 1)[0]
    run_owed_work()
    before, found = as_fields(image), {name: (media / name).read_bytes() for name in stored(media)}

    processing.process_image(image.pk)

    assert as_fields(image) == before
    assert {name: (media / name).read_bytes() for name in stored(media)} == found
    assert run_owed_work() == []


def test_worker_that_died_halfway_is_followed_by_one_that_ends_it(product, media, monkeypatch, run_owed_work):
    image = add(product, 1)[0]
    calls = []

    class Killed(BaseException):
        pass

    def killed(name, data, **options):
        calls.append(name)
        if len(calls) == 3:
            (media / name).write_bytes(data[:10])  # what a killed process leaves
            raise Killed
        files_store(name, data, **options)

    files_store = storage.store
    monkeypatch.setattr(storage, "store", killed)
    with pytest.raises(Killed):
        processing.process_image(image.pk)
    assert len(stored(media)) == 4

    monkeypatch.setattr(storage, "store", files_store)
    run_owed_work()

    assert stored(media) == drawn_files(image)
    assert all((media / name).read_bytes()[8:12] == b"WEBP" for name in stored(media))
    assert as_fields(image)["state"] == "ready"


def test_storage_that_is_away_is_tried_again(product, media, monkeypatch, run_owed_work):
    image = add(product, 1)[0]

    def away(*args, **kwargs):
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(storage, "store", away)
        run_owed_work()
    message = OutboxMessage.objects.get(dedupe_key=f"process-image:{image.pk}")
    assert (as_fields(image)["state"], message.done_at, message.attempts) == ("processing", None, 1)

    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    run_owed_work()

    assert as_fields(image)["state"] == "ready"


def test_picture_that_cannot_be_drawn_fails_by_name_and_keeps_nothing(product, media, run_owed_work, monkeypatch):
    image = add(product, 1)[0]
    (media / image.upload).write_bytes(picture(1)[:-30])

    assert run_owed_work() == ["catalog.process_image", "catalog.remove_files"]

    row = as_fields(image)
    assert (row["state"], row["failure"], row["upload"], row["thumbnails"]) == ("failed", "image_damaged", "", {})
    assert stored(media) == []
    assert Product.objects.get().picture == ""


def test_picture_deleted_while_it_is_drawn_leaves_no_file(product, media, monkeypatch, run_owed_work):
    image = add(product, 1)[0]
    finish = processing._finish

    def slow(*args):
        services.delete_image(image)
        finish(*args)

    monkeypatch.setattr(processing, "_finish", slow)

    processing.process_image(image.pk)
    assert stored(media) == sorted([image.upload, *drawn_files(image)])
    run_owed_work()

    assert (stored(media), ProductImage.objects.count()) == ([], 0)


def test_picture_given_up_while_it_is_drawn_stays_failed(product, media, monkeypatch, run_owed_work):
    image = add(product, 1)[0]
    finish = processing._finish

    def slow(*args):
        processing.fail_image(image.pk, sweeping.GAVE_UP)
        finish(*args)

    monkeypatch.setattr(processing, "_finish", slow)

    processing.process_image(image.pk)
    run_owed_work()

    assert (stored(media), as_fields(image)["failure"]) == ([], "image_not_processed")


def test_work_for_a_picture_that_is_gone_is_done(product):
    processing.process_image(ProductImage(product=product).pk)
    processing.fail_image(ProductImage(product=product).pk, "x")

    assert ProductImage.objects.count() == 0


def test_removing_what_is_gone_is_fine(media):
    storage.store("incoming/a", b"a")

    storage.remove(["incoming/a", "incoming/b"])

    assert stored(media) == []


# --- What the database refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"state": "failed"}, {"failure": "x"}, {"state": "ready"}, {"sha256": "same"}, {"position": 0}],
)
def test_database_keeps_pictures_whole(product, changes):
    first, second = add(product, 1, 2)
    ProductImage.objects.filter(pk=first.pk).update(sha256="same")
    before = as_fields(second)

    def change():
        with transaction.atomic():
            ProductImage.objects.filter(pk=second.pk).update(**changes)
            connection.check_constraints()  # also those that wait for the commit

    with pytest.raises(IntegrityError):
        change()

    assert as_fields(second) == before


# --- At the same moment -------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_same_file_from_everybody_at_once_is_one_picture(media, together):
    product = ProductFactory()

    results = together(*[partial(services.add_image, product.pk, data=picture(1)) for _ in range(6)])

    image = ProductImage.objects.get()
    assert [row for row, _ in results] == [image] * 6
    assert sorted(is_new for _, is_new in results) == [False] * 5 + [True]
    assert stored(media) == [image.upload]
    assert OutboxMessage.objects.filter(topic="catalog.process_image").count() == 1


@pytest.mark.django_db(transaction=True)
def test_limit_and_places_hold_when_many_upload_at_once(media, together, monkeypatch):
    monkeypatch.setattr(services, "MAX_IMAGES", 4)
    product = ProductFactory()

    results = together(*[partial(services.add_image, product.pk, data=picture(n)) for n in range(7)])

    assert sum(isinstance(result, TooManyImages) for result in results) == 3
    rows = ProductImage.objects.order_by("position")
    assert [row.position for row in rows] == [0, 1, 2, 3]
    assert stored(media) == sorted(row.upload for row in rows)


@pytest.mark.django_db(transaction=True)
def test_reordering_moving_adding_and_deleting_at_once_end_in_one_order(media, together, run_owed_work):
    product = ProductFactory()
    rows = add(product, *range(5))
    run_owed_work()
    ids = [row.pk for row in rows]

    for round_number in range(5):
        present = list(ProductImage.objects.filter(product=product).order_by("position"))
        results = together(
            partial(services.reorder_images, product.pk, ids[::-1]),
            partial(services.reorder_images, product.pk, ids[2:] + ids[:2]),
            partial(services.update_image, rows[3], position=0),
            partial(services.delete_image, present[-1]),
            partial(services.add_image, product.pk, data=picture(100 + round_number)),
        )
        run_owed_work()
        assert all(
            not isinstance(result, Exception) or isinstance(result, ImagesChanged | NotFound) for result in results
        )
        left = list(ProductImage.objects.filter(product=product).order_by("position"))
        assert [row.position for row in left] == list(range(len(left)))
        product.refresh_from_db()
        assert product.picture == left[0].thumbnails["1080"]["file"]
    assert stored(media) == sorted(name for row in left for name in row.files)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_picture(media, together, run_owed_work):
    image = add(ProductFactory(), 1)[0]

    assert together(*[partial(processing.process_image, image.pk)] * 3) == [None] * 3
    run_owed_work()

    assert as_fields(image)["state"] == "ready"
    assert stored(media) == drawn_files(image)
    assert OutboxMessage.objects.filter(topic="catalog.remove_files").count() == 1


# --- Tidying up ---------------------------------------------------------------------------------------------------


def test_files_without_a_row_go_after_a_day(product, media, run_owed_work):
    kept = add(product, 1)[0]
    run_owed_work()
    waiting = add(product, 2)[0]
    lost = ProductImage(product=product)
    folder = Path(files.picture_name(kept.pk, 160)).parent
    foreign = [f"{folder}/{name}" for name in ("readme.txt", "zz-160.webp")]
    orphans = [files.upload_name(lost.pk), f"{folder}/{lost.pk.hex}-160.webp", f"{folder}/{kept.pk.hex}-9999.webp"]
    young = ProductImage(product=product)
    fresh = [files.upload_name(young.pk), f"{folder}/{young.pk.hex}-160.webp"]
    for name in [*orphans, *foreign, *fresh]:
        storage.store(name, b"x")
    make_old(media, *(name for name in stored(media) if name not in fresh))
    expected = sorted({*stored(media)} - {*orphans})

    assert sweeping.remove_orphans("incoming") == 1
    assert sweeping.remove_orphans(str(folder)) == 2

    assert stored(media) == expected
    assert {*drawn_files(kept), waiting.upload, *foreign, *fresh} == {*expected}


def test_sweep_visits_every_folder_once_a_day(media, monkeypatch):
    visited = []
    monkeypatch.setattr(sweeping, "remove_orphans", visited.append)
    for hour in range(24):
        moment = timezone.now().replace(hour=hour)
        monkeypatch.setattr(sweeping.timezone, "now", lambda moment=moment: moment)
        tasks.sweep_images()
    monkeypatch.undo()

    pictures = [name for name in visited if name != "incoming"]
    assert sorted(pictures) == [f"products/{number:02x}" for number in range(256)]
    assert visited.count("incoming") == 24


def test_sweep_of_a_storage_that_is_empty_finds_nothing(media):
    assert sweeping.remove_orphans("incoming") == 0
    assert sweeping.remove_orphans("products/00") == 0


def test_picture_whose_work_is_dead_fails_for_staff_to_see(product, media, run_owed_work):
    dead, alive, young = add(product, 1, 2, 3)
    messages = {
        image.pk: OutboxMessage.objects.filter(dedupe_key=f"process-image:{image.pk}") for image in (dead, young)
    }
    for message in messages.values():
        message.update(dead_at=timezone.now())
    long_ago = timezone.now() - sweeping.PATIENCE - timedelta(minutes=1)
    ProductImage.objects.filter(pk__in=[dead.pk, alive.pk]).update(created_at=long_ago)

    assert sweeping.fail_abandoned() == 1

    states = dict(ProductImage.objects.values_list("pk", "state"))
    assert states == {dead.pk: "failed", alive.pk: "processing", young.pk: "processing"}
    assert as_fields(dead)["failure"] == "image_not_processed"
    run_owed_work()
    assert not default_storage.exists(dead.upload)


def test_row_that_is_refused_takes_its_file_along(product, media):
    with pytest.raises(NotFound):
        services.add_image(ProductImage().pk, data=picture(1))

    assert (stored(media), ProductImage.objects.count()) == ([], 0)


def test_connection_lost_at_the_commit_leaves_the_file_to_the_sweep(product, media, monkeypatch):
    def lost(image):
        raise IntegrityError("who knows")

    monkeypatch.setattr(services, "_insert", lost)

    with pytest.raises(IntegrityError):
        services.add_image(product.pk, data=picture(1))

    assert len(stored(media)) == 1


def test_variant_shows_its_own_picture_until_it_is_deleted(product, run_owed_work):
    variant = variant_of(product)
    image, _ = services.add_image(product.pk, data=picture(1), variant_id=variant.pk)
    run_owed_work()
    variant.refresh_from_db()
    assert variant.picture == files.picture_name(image.pk, 1080)

    services.delete_image(image)

    variant.refresh_from_db()
    assert variant.picture == ""
