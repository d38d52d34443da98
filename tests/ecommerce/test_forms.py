"""Serializers that are made once."""

from typing import Any

import pytest
from rest_framework import serializers

from ecommerce.forms import shared
from tests.racing import at_once


class Inner(serializers.Serializer[Any]):
    number = serializers.IntegerField(min_value=1)


class Form(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)
    rows = Inner(many=True, required=False)


def test_there_is_one_of_each_class():
    assert shared(Form) is shared(Form)
    assert shared(Form) is not shared(Inner)


def test_nothing_of_one_request_is_left_for_the_next():
    with pytest.raises(serializers.ValidationError) as error:
        shared(Form).run_validation({"name": "too long", "rows": [{"number": 0}]})
    assert set(error.value.detail) == {"name", "rows"}

    assert shared(Form).run_validation({"name": "a"}) == {"name": "a"}
    assert shared(Form).to_representation({"name": "b", "rows": [{"number": 2}]}) == {
        "name": "b",
        "rows": [{"number": 2}],
    }


@pytest.mark.django_db
def test_threads_get_their_own_answers():
    class Fresh(Form):
        """Nobody has used it yet, so that its fields are made by several threads at once."""

    answers = at_once([lambda n=n: shared(Fresh).run_validation({"name": str(n)})["name"] for n in range(20)])

    assert answers == [str(n) for n in range(20)]
