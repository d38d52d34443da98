"""Attributes and products, changed at the same time."""

from functools import partial

import pytest
from django.db import transaction

from catalog.attributes.cleaning import clean_attributes
from catalog.attributes.exceptions import AttributesRefused, ChoiceInUse
from catalog.attributes.models import Attribute
from catalog.attributes.services import ChoiceInput, save_attribute
from catalog.models import Product
from catalog.searching.indexing import index_products
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_choice_goes_or_is_taken_but_never_both(together):
    for n in range(8):
        choices = [ChoiceInput("black", "Black"), ChoiceInput("white", "White")]
        attribute = save_attribute(code=f"color_{n}", label="Color", type="choice", choices=choices)
        product = ProductFactory()

        def take(product=product, code=attribute.code):
            with transaction.atomic():
                kept = clean_attributes(product.category, {code: "black"})
                Product.objects.filter(pk=product.pk).update(attributes=kept)
                index_products([product.pk])

        remove = partial(save_attribute, attribute_id=attribute.pk, choices=choices[1:])

        removed, taken = together(remove, take)

        there = attribute.choices.filter(code="black").exists()
        product.refresh_from_db()
        assert there == isinstance(removed, ChoiceInUse) == (taken is None)
        assert isinstance(taken, AttributesRefused) == (not there)
        assert product.attributes == ({attribute.code: "black"} if there else {})


def test_one_code_at_once_is_taken_once():
    clients = [client_for(member_of_staff("catalog.add_attribute")) for _ in range(6)]
    body = {"code": "os", "label": "System", "type": "text"}

    answers = at_once([partial(client.post, "/api/attributes/", body, format="json") for client in clients])

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400, 400]
    assert {
        (row["code"], row["attr"]) for answer in answers if answer.status_code == 400 for row in answer.json()["errors"]
    } == {("unique", "code")}
    assert Attribute.objects.count() == 1


def test_two_changes_of_the_choices_at_once_leave_one_of_them():
    for n in range(5):
        attribute = save_attribute(code=f"c{n}", label="C", type="choice", choices=[ChoiceInput("a", "A")])
        lists = [[ChoiceInput(f"{letter}{m}", "X") for m in range(3)] for letter in "bc"]

        at_once([partial(save_attribute, attribute_id=attribute.pk, choices=wanted) for wanted in lists])

        codes = sorted(attribute.choices.values_list("code", flat=True))
        attribute.refresh_from_db()
        assert codes in (["b0", "b1", "b2"], ["c0", "c1", "c2"])
        assert set(attribute.meaning.values()) == set(codes)
