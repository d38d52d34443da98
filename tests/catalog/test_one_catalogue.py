"""Topics of the catalogue met together: attributes and tags that are written, imported, taken back and asked for."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.attributes.services import ChoiceInput, PlaceInput, delete_attribute, save_attribute
from catalog.curation.exceptions import InvalidRule
from catalog.curation.models import Collection
from catalog.curation.rules import checked_rule, narrow
from catalog.curation.selectors import within
from catalog.forms import ProductForm
from catalog.history.models import ProductEvent
from catalog.importing.records import ProductRecord, VariantRecord
from catalog.importing.writing import CatalogueWriter
from catalog.models import Category, Product
from catalog.tagging.models import Tag
from catalog.tagging.services import delete_tag, save_tag, set_tags
from tests.admin_pages import member_of_staff
from tests.catalog.editing import PRODUCTS, charger, errors, everything, page
from tests.catalog.exchange import counts, exported, run, shown, table
from tests.catalog.exchange import errors as problems
from tests.clients import client_for
from tests.factories import CategoryFactory, ProductFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def chargers() -> Category:
    """A category whose products have a power, which is required, and a color."""
    category = CategoryFactory(category_name="Chargers", url_key="chargers")
    choices = [ChoiceInput("black", "Midnight black"), ChoiceInput("white", "White")]
    save_attribute(code="power", label="Power", type="number", unit="W", places=[PlaceInput(category, required=True)])
    save_attribute(code="color", label="Color", type="choice", choices=choices, places=[PlaceInput(category)])
    return category


@pytest.fixture
def editor():
    rights = (f"catalog.{verb}_product" for verb in ("add", "change", "view"))
    return client_for(member_of_staff(*rights, "catalog.add_tag"))


@pytest.fixture
def client(staff):
    return client_for(staff)


# --- Over the API -------------------------------------------------------------------------------------------------


def test_written_attributes_become_what_the_category_says(editor, chargers):
    body = charger(category=chargers.url_key, attributes={"Power": "0.045 kW", "color": "midnight black", "note": "n"})

    answer = editor.post(PRODUCTS, body)

    assert answer.status_code == 201, answer.json()
    assert answer.json()["attributes"] == {"power": 45, "color": "black", "note": "n"}


@pytest.mark.parametrize(
    ("attributes", "wrong"),
    [
        ({"power": "lots"}, [("invalid_number", "attributes.power")]),
        ({"power": "5 kg"}, [("unknown_unit", "attributes.power")]),
        ({"power": 45, "color": "red"}, [("unknown_choice", "attributes.color")]),
        ({"Power": 1, "power": 2}, [("given_twice", "attributes.power")]),
        ({"color": "red"}, [("unknown_choice", "attributes.color"), ("required", "attributes.power")]),
    ],
)
def test_attributes_that_do_not_fit_are_named_and_nothing_is_stored(editor, chargers, attributes, wrong):
    product = ProductFactory(category=chargers, attributes={"power": 20})
    before = everything()

    made = editor.post(PRODUCTS, charger(category=chargers.url_key, attributes=attributes))
    changed = editor.patch(page(product), {"attributes": attributes})

    assert [(answer.status_code, errors(answer)) for answer in (made, changed)] == 2 * [(400, wrong)]
    assert everything() == before


def test_product_moves_only_to_a_category_that_it_fits(editor, chargers):
    product = ProductFactory(attributes={"Color": "White"})
    before = everything()

    refused = editor.patch(page(product), {"category": "chargers"})
    assert (refused.status_code, errors(refused)) == (400, [("required", "attributes.power")])
    assert everything() == before

    moved = editor.patch(page(product), {"category": "chargers", "attributes": {"color": "White", "power": "20 W"}})
    assert moved.json()["attributes"] == {"color": "white", "power": 20}


def test_tags_are_written_with_the_product_and_count_for_its_etag(editor, api_client):
    made = editor.post(PRODUCTS, charger(tags=["Back to school", "sale", "Sale"]))
    address = f"{PRODUCTS}{made.json()['id']}/"
    changed = editor.patch(address, {"tags": ["sale"]}, HTTP_IF_MATCH=made["ETag"])
    late = editor.patch(address, {"tags": []}, HTTP_IF_MATCH=made["ETag"])

    assert made.json()["tags"] == ["back-to-school", "sale"]
    assert (changed.json()["tags"], api_client.get(address).json()["tags"]) == (["sale"], ["sale"])
    assert (late.status_code, late.json()["errors"][0]["code"]) == (412, "product_changed")
    assert set(Tag.objects.values_list("name", flat=True)) == {"Back to school", "sale"}
    assert editor.patch(address, {"is_active": True}).json()["tags"] == ["sale"]


def test_unknown_tags_are_made_only_for_staff_who_may_add_tags(chargers):
    save_tag(name="Sale")
    writer = client_for(member_of_staff("catalog.add_product", "catalog.change_product"))
    product = ProductFactory()
    before = everything(), Tag.objects.count()

    made = writer.post(PRODUCTS, charger(tags=["sale", "new"]))
    changed = writer.patch(page(product), {"tags": ["sale", "new"]})

    assert [(answer.status_code, errors(answer)) for answer in (made, changed)] == 2 * [
        (400, [("does_not_exist", "tags.1")])
    ]
    assert (everything(), Tag.objects.count()) == before
    assert writer.patch(page(product), {"tags": ["SALE"]}).json()["tags"] == ["sale"]


def test_seller_writes_no_tags_and_keeps_those_that_staff_gave():
    seller = UserFactory(role="seller")
    product = ProductFactory(seller=seller, sku="S-1")
    set_tags(product.pk, ["staff pick"], create=True)
    client = client_for(seller)

    refused = client.patch(page(product), {"tags": ["sale"]})
    replaced = client.put(page(product), charger(variants=[{"sku": "S-1"}]))

    assert (refused.status_code, errors(refused)) == (400, [("read_only", "tags")])
    assert replaced.status_code == 200, replaced.json()
    assert (replaced.status_code, replaced.json()["tags"]) == (200, ["staff-pick"])


# --- Rules of collections -----------------------------------------------------------------------------------------


def found_by(editor, rule: dict[str, Any]) -> list[str] | list[tuple[str, str | None]]:
    """Make a collection by this rule; return the products in it, or what is wrong with the rule."""
    answer = editor.post("/api/collections/", {"name": str(rule), "url_key": "made", "kind": "by_rule", "rule": rule})
    if answer.status_code != 201:
        return errors(answer)
    collection = Collection.objects.get(pk=answer.json()["id"])
    collection.delete()
    return sorted(within(collection, Product.objects.all()).values_list("url_key", flat=True))


def test_rules_ask_for_tags_and_ranges_as_the_list_does(client, api_client, chargers):
    for power, tags in ((20, ["sale"]), (45, ["sale", "new"]), (100, [])):
        made = ProductFactory(url_key=f"w-{power}", category=chargers, attributes={"power": power, "color": "black"})
        set_tags(made.pk, tags, create=True)
    rules: dict[str, Any] = {
        "sale": {"tags": ["Sale"]},
        "any": {"tags": ["new", "sale"], "attributes": {"power": ["45.."]}},
        "range": {"attributes": {"power": ["15..<45", "0.1 kW"]}},
        "choice": {"attributes": {"color": "Midnight black", "power": ["..50"]}},
    }

    assert {name: found_by(client, rule) for name, rule in rules.items()} == {
        "sale": ["w-20", "w-45"],
        "any": ["w-45"],
        "range": ["w-100", "w-20"],
        "choice": ["w-20", "w-45"],
    }
    listed = api_client.get(PRODUCTS, {"attributes": ["power:15..<45", "power:0.1 kW"], "ordering": "price"}).json()
    assert sorted(row["url_key"] for row in listed["results"]) == ["w-100", "w-20"]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"tags": ["sale", "none"]}, [("unknown_tag", "rule.tags.1")]),
        ({"tags": []}, [("invalid", "rule.tags")]),
        ({"tags": ["***"]}, [("invalid", "rule.tags.0")]),
        ({"attributes": {"power": ["9..1"]}}, [("invalid", "rule.attributes.power")]),
        ({"attributes": {"power": ["lots"]}}, [("invalid_number", "rule.attributes.power")]),
        ({"attributes": {"color": ["red"]}}, [("unknown_choice", "rule.attributes.color")]),
        ({"attributes": {"a\x00": ["red"]}}, [("unknown_attribute", "rule.attributes.a\x00")]),
    ],
)
def test_condition_that_asks_for_nothing_is_named(chargers, rule, wrong):
    save_tag(name="Sale")

    with pytest.raises(InvalidRule) as caught:
        checked_rule(rule)

    assert [(row.code, row.attr) for row in caught.value.rows] == wrong


def test_rule_follows_a_tag_that_is_renamed_and_finds_nothing_by_what_is_gone(chargers):
    product = ProductFactory(category=chargers, attributes={"power": 20})
    set_tags(product.pk, ["sale"], create=True)
    attribute = save_attribute(code="pins", label="Pins", type="number")
    by_tag, by_attribute = checked_rule({"tags": ["sale"]}), checked_rule({"attributes": {"pins": ["1..3"]}})
    tag = Tag.objects.get()

    save_tag(tag_id=tag.pk, url_key="offer")
    assert list(narrow(Product.objects.all(), by_tag)) == [product]
    delete_tag(tag.pk)
    delete_attribute(attribute.pk)
    assert [list(narrow(Product.objects.all(), rule)) for rule in (by_tag, by_attribute)] == [[], []]


# --- In files -----------------------------------------------------------------------------------------------------


def file_of(*rows: dict[str, Any]) -> str:
    names = list(rows[0])
    return "\n".join([";".join(names), *(";".join(str(row[name]) for name in names) for row in rows)])


def line(sku: str, **changes: Any) -> dict[str, Any]:
    fields = {"tags": "", "attribute.Power": "45 W", "attribute.Color": "", "category": "Chargers"} | changes
    return {"url_key": sku.lower(), "sku": sku, "name": f"Charger {sku}", "price": "1500"} | fields


def test_imported_attributes_become_what_the_category_says_or_are_refused_by_name(client, run_owed_work, chargers):
    old = ProductFactory(url_key="old", sku="OLD", category=chargers, attributes={"color": "puce", "Power": "odd"})
    lines = [
        line("GOOD", **{"attribute.Power": "0.045 kW", "attribute.Color": "Midnight Black"}),
        line("BAD", **{"attribute.Power": "lots", "attribute.Color": "red"}),
        line("NONE", **{"attribute.Power": ""}),
        line("ELSEWHERE", **{"attribute.Power": "", "category": "Other"}),
        line("OLD", **{"attribute.Power": "", "attribute.Color": "puce"}),
    ]

    told = run(client, run_owed_work, file_of(*lines))

    assert counts(told) == (2, 1, 0, 2)
    assert sorted(problems(client, told)) == [
        (3, "attributes.Color", "unknown_choice"),
        (3, "attributes.Power", "invalid_number"),
        (4, "attributes.power", "required"),
    ]
    assert Product.objects.get(url_key="good").attributes == {"power": 45, "color": "black"}
    assert not Product.objects.filter(url_key__in=["bad", "none"]).exists()
    old.refresh_from_db()  # what it had before there was a definition is not looked at again
    assert (old.product_name, old.attributes) == ("Charger OLD", {"color": "puce", "Power": "odd"})
    assert counts(run(client, run_owed_work, file_of(*lines))) == (0, 0, 3, 2)


def test_category_of_defined_attributes_takes_no_others_from_a_file(client, run_owed_work, chargers):
    Category.objects.filter(pk=chargers.pk).update(only_defined_attributes=True)
    content = (
        "url_key,sku,name,price,category,type,attribute.Power,attribute.Note\n"
        "good,GOOD,Good,1500,Chargers,Fast,45,\nbad,BAD,Bad,1500,Chargers,Fast,45,n\n"
    )

    told = run(client, run_owed_work, content)

    assert (counts(told), problems(client, told)) == ((1, 0, 0, 1), [(3, "attributes.Note", "unknown_attribute")])
    assert Product.objects.get().attributes == {"power": 45}  # not the type, which is a column of its own


def test_imported_tags_are_the_products_and_an_undo_takes_them_back(client, run_owed_work, chargers):
    save_tag(name="Sale", url_key="offer")
    product = ProductFactory(url_key="a", sku="A", category=chargers)
    set_tags(product.pk, ["old one", "gone"], create=True)
    content = file_of(line("A", tags="Sale, New in,new-in"), line("B", tags=""), line("C", tags="Sale"))

    told = run(client, run_owed_work, content)

    def tags() -> dict[str, list[str]]:
        return dict(Product.objects.filter(deleted_at__isnull=True).values_list("url_key", "tags"))

    assert (counts(told), told["problem_count"]) == ((2, 1, 0, 0), 0)
    assert tags() == {"a": ["new-in", "offer"], "b": [], "c": ["offer"]}
    assert [row["tags"] for row in table(exported(client, "csv"))] == ["New in, offer", "", "offer"]
    assert counts(run(client, run_owed_work, content)) == (0, 0, 3, 0)

    delete_tag(Tag.objects.get(url_key="gone").pk)
    save_tag(tag_id=Tag.objects.get(url_key="old-one").pk, url_key="older")
    client.post(f"/api/imports/{told['id']}/undo/")
    run_owed_work()

    undone = shown(client, told["id"])
    assert (undone["state"], undone["kept_changes"]) == ("undone", 0)
    assert tags() == {"a": ["older"]}
    events = ProductEvent.objects.filter(pgh_obj=product, pgh_label="changed", tags=["new-in", "offer"])
    assert [event.pgh_context["via"] for event in events] == ["import"]


def test_tags_that_are_no_tags_refuse_the_product_by_name(client, run_owed_work, chargers):
    content = file_of(
        line("A", tags="fine, ***"), line("B", tags="x" * 61), line("C", tags=", ".join("a" * n for n in range(1, 53)))
    )

    told = run(client, run_owed_work, content)

    assert (counts(told), problems(client, told)) == ((0, 0, 0, 3), [(n, "tags", "bad_tags") for n in (2, 3, 4)])
    assert (Product.objects.count(), Tag.objects.count()) == (0, 0)


def test_statements_of_an_import_do_not_grow_with_its_tags_and_attributes(client, run_owed_work, chargers):
    def statements(first: int, count: int) -> int:
        rows = [
            line(
                f"N{number}",
                tags=f"tag {number}, all",
                **{"attribute.Power": f"{number} W", "attribute.Color": "white"},
            )
            for number in range(first, first + count)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert counts(run(client, run_owed_work, file_of(*rows))) == (count, 0, 0, 0)
        return len(queries)

    statements(0, 1)  # whatever is looked up once

    assert statements(1, 3) == statements(10, 30)


# --- In the admin -------------------------------------------------------------------------------------------------


def test_form_of_the_admin_gives_attributes_the_form_of_the_category(staff, chargers):
    product = ProductFactory(url_key="a", attributes={"Color": "White"})

    def form(attributes: str) -> ProductForm:
        fields = {"product_name": "A", "url_key": "a", "category": chargers.pk, "kind": "physical", "is_active": "on"}
        fields |= {"tax_kind": "standard"}
        return ProductForm({**fields, "attributes": attributes}, instance=product)

    refused, taken = form('{"Color": "red"}'), form('{"Color": "White", "power": "20 W"}')

    assert dict(refused.errors) == {
        "attributes": ["Color: This is not one of the choices.", "power: Power is required in this category."]
    }
    assert taken.is_valid(), taken.errors
    assert taken.cleaned_data["attributes"] == {"color": "white", "power": 20}


def test_feed_gives_attributes_their_form_and_keeps_what_does_not_fit(chargers):
    records = [
        ProductRecord(
            source_id=name,
            name=name,
            category=("Chargers",),
            variants=(VariantRecord(skus=(name,), price=Decimal(10)),),
            attributes=attributes,
        )
        for name, attributes in (("a", {"Power": "0.045 kW", "note": 1}), ("b", {"Power": "lots", "color": "White"}))
    ]
    writer = CatalogueWriter()

    assert [written.outcome for written in writer.write(records)] == ["created", "created"]
    assert dict(Product.objects.values_list("url_key", "attributes")) == {
        "a": {"power": 45, "note": 1},
        "b": {"Power": "lots", "color": "white"},
    }
    assert [written.outcome for written in writer.write(records)] == ["unchanged", "unchanged"]
