"""Filters of people and of the trail; every name and alias is here."""

from ipaddress import ip_address
from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework.exceptions import ValidationError

from accounts.audit.models import SecurityEvent
from accounts.models import User
from accounts.people.selectors import search_people
from ecommerce.filters import YesOrNoFilter


class PeopleFilter(filters.FilterSet):
    search = filters.CharFilter(method="by_text", max_length=100)
    q = filters.CharFilter(method="by_text", max_length=100)
    role = filters.ChoiceFilter(choices=User.Role.choices)
    is_active = YesOrNoFilter()
    is_staff = YesOrNoFilter()
    joined_after = filters.IsoDateTimeFilter(field_name="date_joined", lookup_expr="gte")
    joined_before = filters.IsoDateTimeFilter(field_name="date_joined", lookup_expr="lt")

    class Meta:
        model = User
        fields = ()

    def by_text(self, people: QuerySet[User], name: str, text: str) -> QuerySet[User]:
        return search_people(people, text)


class TrailFilter(filters.FilterSet):
    """``person`` finds what somebody did and what was done to them."""

    kind = filters.CharFilter(max_length=40)
    user = filters.UUIDFilter(field_name="user_id")
    actor = filters.UUIDFilter(field_name="actor_id")
    person = filters.UUIDFilter(method="by_person")
    ip_address = filters.CharFilter(method="by_address", max_length=45)
    request_id = filters.CharFilter(max_length=64)
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = SecurityEvent
        fields = ()

    def by_person(self, events: QuerySet[Any], name: str, person: Any) -> QuerySet[Any]:
        return events.filter(Q(user=person) | Q(actor=person))

    def by_address(self, events: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return events.filter(ip_address=checked_address(text))


def checked_address(text: str) -> str:
    """Return an IP address as it is stored.

    Raises:
        ValidationError: it is none.
    """
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise ValidationError({"ip_address": ["This is no IP address."]}) from None
