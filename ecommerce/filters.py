"""Filters that name what they do not know instead of ignoring it."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as FormValidationError
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

PAGING_PARAMETERS = frozenset({"page", "page_size", "limit"})
ORDERING_PARAMETERS = ("ordering", "sort", "sort_by")


def refuse_unknown_parameters(request: Request, known: Collection[str] = ()) -> None:
    """Refuse a query with parameters besides ``known``.

    Raises:
        ValidationError: names each of them.
    """
    if unknown := sorted(set(request.query_params) - set(known)):
        raise ValidationError({name: ["This parameter is not known here."] for name in unknown})


class YesOrNoField(forms.NullBooleanField):
    """True or false; the form's own field takes any other word for no answer, and the filter would be ignored."""

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]  # as NullBooleanField's own
        if value in self.empty_values:
            return None
        answer = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
        if answer is None:
            raise FormValidationError("Give true or false.", code="invalid")
        return answer


class YesOrNoFilter(filters.BooleanFilter):
    field_class = YesOrNoField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, widget=forms.TextInput, **kwargs)


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, plus a 400 for every parameter that the view does not offer.

    A view may name more parameters in ``extra_query_parameters``, and its orderings in ``orderings``: a mapping
    from the public name to the fields, of which the first is the default.
    """

    def filter_queryset(self, request: Any, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filterset_class = self.get_filterset_class(view, queryset)
        known = set(PAGING_PARAMETERS) | set(getattr(view, "extra_query_parameters", ()))
        if filterset_class is not None:
            known |= set(filterset_class.base_filters)
        orderings: dict[str, tuple[str, ...]] = getattr(view, "orderings", {})
        if orderings:
            known |= set(ORDERING_PARAMETERS)
        refuse_unknown_parameters(request, known)
        queryset = super().filter_queryset(request, queryset, view)
        return self._order(request, queryset, orderings) if orderings else queryset

    def _order(self, request: Request, queryset: QuerySet[Any], orderings: dict[str, tuple[str, ...]]) -> QuerySet[Any]:
        name = next((p for p in ORDERING_PARAMETERS if p in request.query_params), None)
        if name is None:
            return queryset if queryset.ordered else queryset.order_by(*next(iter(orderings.values())))
        chosen = request.query_params[name]
        if chosen not in orderings:
            raise ValidationError({name: [f"Order by one of: {', '.join(orderings)}."]})
        return queryset.order_by(*orderings[chosen])
