"""Every table says what it holds about people; one that says nothing fails here."""

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from accounts.models import User
from accounts.privacy.registry import parts
from accounts.privacy.tables import Fate, declared

_TEXTS = (
    models.CharField,
    models.TextField,
    models.JSONField,
    models.BinaryField,
    models.GenericIPAddressField,
    models.FileField,
    ArrayField,
)


def tables():
    return {table.label: table for table in declared()}


def own_models():
    return [
        model for model in apps.get_models(include_auto_created=True) if model._meta.managed and not model._meta.proxy
    ]


def texts_of(model):
    """The columns in which something about somebody could stand: a fixed choice of values says nothing."""
    return {
        field.name
        for field in model._meta.concrete_fields
        if isinstance(field, _TEXTS) and not field.choices and not isinstance(field, SearchVectorField)
    }


def test_every_column_that_holds_text_says_whether_it_is_personal():
    unsaid = {
        model._meta.label: sorted(missing)
        for model in own_models()
        if (missing := texts_of(model) - set(table.names() if (table := tables().get(model._meta.label)) else ()))
    }

    assert unsaid == {}, "Name these columns in the privacy.py of their app: erased, scrubbed, kept, plain or hidden."


def test_no_table_names_a_column_twice_or_one_that_is_not_there():
    wrong = {}
    for table in declared():
        fields = {field.name for field in table.model._meta.concrete_fields}
        names = table.names()
        if len(names) != len(set(names)) or not set(names) <= fields:
            wrong[table.label] = sorted({name for name in names if names.count(name) > 1} | (set(names) - fields))

    assert wrong == {}


def test_every_table_that_falls_with_a_user_says_what_becomes_of_it():
    falling = {
        model._meta.label
        for model in own_models()
        for field in model._meta.concrete_fields
        if field.related_model is User and field.remote_field.on_delete is models.CASCADE
    }

    assert falling - {"admin.LogEntry"} <= {table.label for table in declared() if table.owner}


def test_what_is_erased_or_scrubbed_can_be_found():
    lost = [
        table.label
        for table in declared()
        if (table.names("erased", "scrubbed") and not table.owner and table.fate is not Fate.OWN_RULE)
    ]

    assert lost == []


@pytest.mark.django_db
def test_owners_are_look_ups_that_work():
    for table in declared():
        if table.owner:
            assert list(table.model._base_manager.filter(**{table.owner: User().pk})) == []


def test_apps_have_their_parts_in_the_order_in_which_they_stand():
    assert [part.name for part in parts()] == ["accounts", "catalog", "bookings", "orders", "payments", "inbox"]
