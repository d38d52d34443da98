"""Serializers that are made once.

Making one copies all its fields deeply, which on a busy path takes longer than what it is made for. A serializer whose
fields keep nothing of a request can check and show any number of them, in several threads at once.
"""

from functools import cache
from typing import Any, TypeVar

from rest_framework.serializers import Serializer

Form = TypeVar("Form", bound=Serializer[Any])


@cache
def shared(serializer_class: type[Form]) -> Form:
    """Return the one instance of a class that nobody gives a context or data of its own.

    Use its ``run_validation(data)`` and ``to_representation(instance)``; ``is_valid()`` and ``data`` would be kept.
    """
    return serializer_class()
