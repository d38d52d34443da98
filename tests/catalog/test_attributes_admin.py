import pytest
from django.test import Client

from catalog.attributes.models import Attribute
from catalog.attributes.services import ChoiceInput, PlaceInput, save_attribute
from tests.admin_pages import address, listed, logged_in, member_of_staff, offered, queries_of, statuses, told
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

LIST, ADD = address("catalog_attribute_changelist"), address("catalog_attribute_add")
COLOR = {
    "code": "color",
    "label": "Color",
    "type": "choice",
    "unit": "",
    "choice_lines": "black: Black\nwhite",
    "step_list": "",
    "filterable": "on",
    "facetable": "on",
}


@pytest.fixture
def client(staff):
    return logged_in(staff)


def color() -> Attribute:
    choices = [ChoiceInput("black", "Black"), ChoiceInput("white", "White")]
    return save_attribute(code="color", label="Color", type="choice", choices=choices)


def choices_of(attribute: Attribute) -> list[tuple[str, str, list[str]]]:
    return list(attribute.choices.values_list("code", "label", "former"))


def test_pages_open_for_staff_and_for_nobody_else(client, customer):
    attribute = color()
    pages = [LIST, ADD] + [
        address(f"catalog_attribute_{name}", attribute) for name in ("change", "delete", "history", "rename_choice")
    ]

    assert statuses(client, pages) == dict.fromkeys(pages, 200)
    assert statuses(logged_in(customer), pages) == statuses(Client(), pages) == dict.fromkeys(pages, 302)
    assert statuses(logged_in(member_of_staff()), pages) == dict.fromkeys(pages, 403)


def test_attribute_is_added_and_changed(client):
    phones, top = CategoryFactory(category_name="Phones"), CategoryFactory(category_name="Electronics")

    client.post(ADD, COLOR | {"required_in": [str(phones.pk)], "optional_in": [str(top.pk), str(phones.pk)]})
    attribute = Attribute.objects.get()
    page = address("catalog_attribute_change", attribute)
    shown = client.get(page).content.decode()
    client.post(page, COLOR | {"label": "Colour", "choice_lines": "white: Snow\nblack: Black", "required_in": []})

    assert "black: Black" in shown
    attribute.refresh_from_db()
    assert (attribute.label, choices_of(attribute)) == ("Colour", [("white", "Snow", []), ("black", "Black", [])])
    assert list(attribute.category_rows.values_list("category", "required")) == []


def test_number_with_steps_is_added(client):
    top = CategoryFactory()
    body = {"code": "ram", "label": "RAM", "type": "number", "unit": "GB", "step_list": "0, 4, 8.5", "filterable": "on"}

    client.post(ADD, body | {"optional_in": [str(top.pk)]})

    attribute = Attribute.objects.get()
    assert ([float(step) for step in attribute.steps], attribute.facetable) == ([0, 4, 8.5], False)
    assert list(attribute.category_rows.values_list("category", "required")) == [(top.pk, False)]
    assert "0, 4, 8.5" in client.get(address("catalog_attribute_change", attribute)).content.decode()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": "RAM"}, "Use a-z and 0-9"),
        ({"choice_lines": "A b: x"}, "Use a-z and 0-9"),
        ({"choice_lines": "a: x\na: y"}, "stands there once"),
        ({"type": "number", "choice_lines": "", "step_list": "2, 1"}, "Each step is larger"),
        ({"type": "number", "choice_lines": "", "step_list": "x"}, "A valid number is required"),
    ],
)
def test_bad_attribute_is_refused_beside_its_field(client, change, expected):
    answer = client.post(ADD, COLOR | change)

    assert (answer.status_code, Attribute.objects.count()) == (200, 0)
    assert expected in answer.content.decode()


def test_refusal_of_the_service_is_told_and_changes_nothing(client):
    attribute = color()
    ProductFactory(attributes={"color": "black"})

    changed = client.post(address("catalog_attribute_change", attribute), COLOR | {"choice_lines": "white"})
    removed = client.post(address("catalog_attribute_delete", attribute), {"post": "yes"})

    assert told(changed)[-1] == "Products have Black (1 of them); rename it, or give them another one first."
    assert told(removed)[-1] == "Products have this attribute."
    assert [code for code, _, _ in choices_of(attribute)] == ["black", "white"]


def test_choice_is_renamed_by_a_button(client):
    attribute, number = color(), save_attribute(code="ram", label="RAM", type="number")
    page = address("catalog_attribute_rename_choice", attribute)

    first = client.post(page, {"old": "black", "code": "night"})
    wrong = client.post(page, {"old": "purple", "code": "night"})
    bad = client.post(page, {"old": "night", "code": "N!"})
    merged = client.post(page, {"old": "night", "code": "white"})

    assert (told(first)[-1], told(merged)[-1]) == ("black has become night.", "night has become white.")
    assert told(wrong)[-1] == "There is no such choice, or nothing would change."
    assert "Use a-z" in bad.content.decode()
    assert choices_of(attribute) == [("white", "White", ["night", "black"])]
    assert "night, black" in client.get(address("catalog_attribute_change", attribute)).content.decode()
    assert offered(client, address("catalog_attribute_change", attribute)) == ["Rename a choice"]
    assert offered(client, address("catalog_attribute_change", number)) == []


def test_renaming_is_for_those_who_may_change(client):
    attribute = color()
    looking = logged_in(member_of_staff("catalog.view_attribute"))

    answer = looking.post(address("catalog_attribute_rename_choice", attribute), {"old": "black", "code": "night"})

    assert (answer.status_code, [code for code, _, _ in choices_of(attribute)]) == (403, ["black", "white"])


def test_list_takes_the_same_statements_for_any_number_of_rows(client):
    color()
    one = queries_of(client, LIST)
    for n in range(9):
        save_attribute(
            code=f"a{n}",
            label="A",
            type="choice",
            choices=[ChoiceInput("a", "A")],
            places=[PlaceInput(CategoryFactory())],
        )

    assert queries_of(client, LIST) == one
    assert len(listed(client.get(LIST))) == 10
