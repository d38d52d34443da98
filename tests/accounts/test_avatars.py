"""Pictures of people: what is taken, what becomes of it, and that nothing of a file but its pixels stays."""

import os
import time
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.profiles.avatars import draw_avatar, sweep_avatars
from accounts.profiles.models import Profile
from ecommerce.pictures import storage
from tests.catalog.pictures import CANARY, drawn, encoded, opened, photograph, png
from tests.clients import client_for
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

AVATAR, PROFILE = "/api/users/profile/avatar/", "/api/users/profile/"


@pytest.fixture(autouse=True)
def media(settings, tmp_path) -> Path:
    settings.MEDIA_ROOT, settings.PUBLIC_BASE_URL = tmp_path / "media", "https://shop.example"
    return tmp_path / "media"


def stored(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def upload(client, data: bytes, name: str = "me.jpg"):
    return client.put(AVATAR, {"file": SimpleUploadedFile(name, data)}, format="multipart")


def test_photograph_becomes_a_small_upright_picture_that_tells_nothing(run_owed_work, media):
    user = UserFactory()
    client = client_for(user)

    answer = upload(client, photograph(orientation=6, width=900, height=600))
    waiting = stored(media)
    run_owed_work()

    shown = client.get(PROFILE).json()
    (name,) = stored(media)
    data = (media / name).read_bytes()
    assert (answer.status_code, answer.json()["avatar"], answer.json()["avatar_state"]) == (200, "", "processing")
    assert [path.startswith("incoming-avatars/") for path in waiting] == [True]
    assert (shown["avatar"], shown["avatar_state"]) == (f"https://shop.example/media/{name}", "ready")
    assert name.startswith("avatars/")
    assert user.pk.hex not in name
    picture = opened(data)
    assert (picture.format, picture.size, dict(picture.getexif())) == ("WEBP", (341, 512), {})
    assert CANARY not in data
    assert b"GPS" not in data
    assert client.get(f"/media/{name}").status_code == 200
    assert client.get(f"/media/{waiting[0]}").status_code == 404


def test_next_picture_takes_the_place_of_the_first_and_its_file_goes(run_owed_work, media):
    client = client_for(UserFactory())
    upload(client, encoded())
    run_owed_work()
    (first,) = stored(media)

    answer = upload(client, encoded(drawn(80, 80)))
    meanwhile = answer.json()["avatar"]
    run_owed_work()

    assert meanwhile.endswith(first)
    (second,) = stored(media)
    assert second != first
    assert client.get(PROFILE).json()["avatar"].endswith(second)


def test_two_uploads_before_the_worker_came_leave_the_last(run_owed_work, media):
    client = client_for(UserFactory())
    upload(client, encoded(drawn(40, 40)))
    upload(client, encoded(drawn(80, 20)))

    run_owed_work()

    (name,) = stored(media)
    assert opened((media / name).read_bytes()).size == (80, 20)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"<html><script>alert(1)</script></html>", 400, "image_unsupported"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', 400, "image_svg"),
        (encoded()[:-20], 400, "image_damaged"),
        (png(13_000, 13_000, b"\0" * 10), 400, "image_too_many_pixels"),
        (b"\xff\xd8\xff" + b"x" * (5 * 1024 * 1024), 413, "image_too_large"),
        (b"\xff\xd8\xff" + b"x" * (6 * 1024 * 1024), 413, "image_too_large"),
        (b"", 400, "empty"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_is_stored(data, status, code, run_owed_work, media):
    user = UserFactory()
    client = client_for(user)
    upload(client, encoded())
    run_owed_work()
    before, files = Profile.objects.values().get(), stored(media)

    answer = upload(client, data, name="me.png")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
    assert (Profile.objects.values().get(), stored(media)) == (before, files)


def test_picture_that_only_drawing_finds_broken_fails_and_the_one_before_stays(run_owed_work, media, monkeypatch):
    client = client_for(UserFactory())
    upload(client, encoded())
    run_owed_work()
    (kept,) = stored(media)
    upload(client, encoded(drawn(90, 90)))
    (waiting,) = [name for name in stored(media) if name.startswith("incoming")]
    (media / waiting).write_bytes(encoded()[:-20])

    run_owed_work()

    shown = client.get(PROFILE).json()
    assert (shown["avatar_state"], shown["avatar_failure"]) == ("failed", "image_damaged")
    assert shown["avatar"].endswith(kept)
    assert stored(media) == [kept]


def test_deleting_lets_go_of_everything_twice_is_fine(run_owed_work, media):
    client = client_for(UserFactory())
    upload(client, encoded())
    run_owed_work()
    upload(client, encoded(drawn(90, 90)))

    answers = [client.delete(AVATAR), client.delete(AVATAR)]
    run_owed_work()

    assert [answer.status_code for answer in answers] == [204, 204]
    assert stored(media) == []
    assert client.get(PROFILE).json()["avatar"] == ""


def test_drawing_again_changes_nothing(run_owed_work, media):
    user = UserFactory()
    upload(client_for(user), encoded())
    name = Profile.objects.get().avatar_upload
    run_owed_work()
    before = Profile.objects.values().get()

    draw_avatar(str(user.pk), name)

    assert Profile.objects.values().get() == before


def test_picture_of_somebody_else_is_out_of_reach(run_owed_work, media):
    owner = UserFactory()
    upload(client_for(owner), encoded())
    run_owed_work()
    before, files = Profile.objects.values().get(user=owner), stored(media)
    other = client_for(UserFactory())

    other.delete(AVATAR)
    other.patch(PROFILE, {"avatar": before["avatar"], "avatar_upload": before["avatar"]})
    run_owed_work()

    assert other.get(PROFILE).json()["avatar"] == ""
    assert (Profile.objects.values().get(user=owner), stored(media)) == (before, files)


def test_nobody_has_no_picture(api_client, media):
    assert [upload(api_client, encoded()).status_code, api_client.delete(AVATAR).status_code] == [401, 401]
    assert stored(media) == []


def test_files_that_nobody_names_are_swept_away_after_a_day(run_owed_work, media):
    client = client_for(UserFactory())
    upload(client, encoded())
    run_owed_work()
    upload(client, encoded(drawn(90, 90)))
    kept = stored(media)
    old, young = ("avatars/aa/lost.webp", "incoming-avatars/lost"), "incoming-avatars/young"
    for name in (*old, young):
        storage.store(name, b"x")
    yesterday = time.time() - 90_000
    for name in (*old, *kept):
        os.utime(media / name, (yesterday, yesterday))

    assert sum(sweep_avatars(hour) for hour in range(24)) == 2

    assert stored(media) == sorted([*kept, young])


def test_uploads_are_counted(settings, media):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"avatar": "2/3600"}
    client = client_for(UserFactory())

    answers = [upload(client, encoded(drawn(20 + number, 20))) for number in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert len(stored(media)) == 2
    assert client.delete(AVATAR).status_code == 204
