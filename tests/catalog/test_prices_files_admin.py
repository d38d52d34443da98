"""Prices by file in the admin, which shows first what a file would do, and by command."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from catalog.history.models import PriceListItemEvent
from catalog.prices.models import PriceList
from tests.admin_pages import address, logged_in, member_of_staff, offered, told
from tests.factories import ProductFactory, price_list

pytestmark = pytest.mark.django_db

RIGHTS = ("catalog.view_pricelist", "catalog.change_pricelist")


@pytest.fixture
def keeper(media):
    return logged_in(member_of_staff(*RIGHTS))


@pytest.fixture
def made():
    return price_list((ProductFactory(sku="PHONE"), "1400"), (ProductFactory(sku="CABLE"), "300"))


def page(made: PriceList, name: str) -> str:
    return address(f"catalog_pricelist_{name}", made)


def upload(client, made, content, **flags):
    return client.post(page(made, "upload_prices"), {"file": SimpleUploadedFile("a.csv", content), **flags})


def prices(made: PriceList) -> dict[str, str]:
    return {sku: str(price) for sku, price in made.items.values_list("variant__sku", "price")}


def kept() -> list[str]:
    return default_storage.listdir("imports")[1] if default_storage.exists("imports") else []


def test_file_is_shown_before_it_is_applied(keeper, made):
    looked = upload(keeper, made, b"sku,price\nPHONE,1350\n", replace="on")

    preview = keeper.get(looked["Location"])
    assert preview.status_code == 200
    text = preview.content.decode()
    assert "1 lines: 1 changed, 1 removed." in text
    assert ("1400.00" in text, "1350.00" in text, "CABLE" in text) == (True, True, True)
    assert prices(made) == {"PHONE": "1400.00", "CABLE": "300.00"}

    applied = keeper.post(looked["Location"])

    assert told(applied) == ["1 lines: 1 changed, 1 removed."]
    assert prices(made) == {"PHONE": "1350.00"}
    assert kept() == []
    assert {event.pgh_context["via"] for event in PriceListItemEvent.objects.order_by("-pk")[:2]} == {"admin"}


def test_wrong_lines_are_shown_and_cannot_be_applied(keeper, made):
    looked = upload(keeper, made, b"sku,price\nPHONE,1350\n<script>,5\n")

    text = keeper.get(looked["Location"]).content.decode()

    assert "There is no variant &#x27;&lt;script&gt;&#x27;." in text
    assert "<script>&#x27;" not in text
    assert ">Apply<" not in text.replace("\n", "").replace(" ", "")
    keeper.post(looked["Location"])
    assert prices(made) == {"PHONE": "1400.00", "CABLE": "300.00"}


def test_wrong_lines_are_left_out_when_asked(keeper, made):
    looked = upload(keeper, made, b"sku,price\nPHONE,1350\nNOPE,5\n", skip_bad="on")

    assert told(keeper.post(looked["Location"])) == ["2 lines: 1 changed, 1 wrong."]
    assert prices(made) == {"PHONE": "1350.00", "CABLE": "300.00"}


def test_what_is_no_such_file_is_not_kept(keeper, made):
    for content in (b"MZ\x90\x00\x00", b"sku,colour\nPHONE,red\n"):
        assert upload(keeper, made, content).status_code == 200
    assert upload(keeper, made, b"sku,price\nPHONE,1\n", replace="on", skip_bad="on").status_code == 200
    assert kept() == []


def test_preview_is_its_uploaders_and_its_lists_alone(keeper, made):
    looked = upload(keeper, made, b"sku,price\nPHONE,1350\n")["Location"]
    other_list = price_list()
    stranger = logged_in(member_of_staff(*RIGHTS))

    for client, where in (
        (stranger, looked),
        (keeper, looked.replace(str(made.pk), str(other_list.pk))),
        (keeper, f"{looked}x"),
        (keeper, page(made, "apply_prices")),
    ):
        assert told(client.post(where))[-1] == "This preview is too old, or not yours. Upload the file again."
    assert logged_in(member_of_staff(RIGHTS[0])).post(looked).status_code == 403
    assert prices(made) == {"PHONE": "1400.00", "CABLE": "300.00"}
    keeper.post(looked)
    assert keeper.post(looked).status_code == 302  # the file is gone
    assert prices(made) == {"PHONE": "1350.00", "CABLE": "300.00"}


def test_buttons_are_offered_by_right_and_the_export_is_the_file(keeper, made):
    assert offered(keeper, page(made, "change")) == ["Upload prices", "Export prices"]
    viewer = logged_in(member_of_staff(RIGHTS[0]))
    assert offered(viewer, page(made, "change")) == ["Export prices"]
    assert viewer.get(page(made, "upload_prices")).status_code == 403
    lines = b"".join(viewer.get(page(made, "export_prices")).streaming_content).decode().splitlines()
    assert lines[0] == "sku,product_name,min_quantity,price,currency"
    assert sorted(line.split(",")[0] for line in lines[1:]) == ["CABLE", "PHONE"]


def test_command_sets_prices_or_says_why_not(made, tmp_path: Path):
    file = tmp_path / "prices.csv"
    file.write_text("sku,price\nPHONE,1350\nNOPE,5\n")
    said, complained = StringIO(), StringIO()

    def run(*flags: str, key: str = "") -> None:
        call_command("import_prices", key or made.name, str(file), *flags, stdout=said, stderr=complained)

    with pytest.raises(CommandError, match="Line 3: There is no variant 'NOPE'"):
        run()
    run("--dry-run", key=str(made.pk))
    assert prices(made)["PHONE"] == "1400.00"
    run("--skip-bad")

    assert prices(made)["PHONE"] == "1350.00"
    assert said.getvalue().splitlines()[-1] == f"{made.name}: 0 created, 1 changed, 0 unchanged, 0 removed, 1 wrong"
    assert "line 3: sku: There is no variant 'NOPE'. (unknown_variant)" in complained.getvalue()
    with pytest.raises(CommandError, match="There is no price list"):
        run(key="Nothing")
