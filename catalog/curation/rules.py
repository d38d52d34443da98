"""Rules of collections: a JSON object of conditions that must all hold, checked when written, compiled when read.

``{"category": ["phones"], "brand": ["samsung"], "min_price": "100.00", "max_price": "30000.00", "in_stock": true,
"attributes": {"color": ["black", "white"], "storage": ["64..256"]}, "tags": ["sale"], "created_within_days": 30,
"min_rating": "4.0"}``

Several values of one condition are alternatives. Categories and brands are kept by id, so that a new name does not
change what is meant, and tags by url_key, whose former ones still mean them; a category counts with all that is below
it at the moment of reading. Attributes are asked for as in the list of products.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from catalog.attributes.asking import read_attributes
from catalog.curation.exceptions import InvalidRule
from catalog.documents.sql import narrowed
from catalog.models import Brand, Category, ProductQuerySet
from catalog.searching.criteria import Criteria
from catalog.selectors import by_id_or_url_key
from catalog.tagging.exceptions import TagsRefused
from catalog.tagging.models import Tag
from catalog.tagging.services import clean_names, meant_by
from ecommerce.exceptions import ErrorRow

MAX_CHOICES = 50
MAX_ATTRIBUTES = 20
MAX_DAYS = 3650
_LONGEST = 140
_MONEY = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")
_STARS = re.compile(r"[0-5](\.[0-9]{1,2})?")

Rule = dict[str, Any]


class _Wrong(Exception):
    """A condition is wrong; ``code`` and ``below`` (where in it) go into its row."""

    def __init__(self, code: str, detail: str, below: str = "") -> None:
        self.row = code, detail, below
        super().__init__(detail)


def checked_rule(raw: Any) -> Rule:
    """Return a rule in the form in which it is kept.

    Raises:
        InvalidRule: with one row for each condition that is wrong.
    """
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidRule([ErrorRow("rule_required", "Give an object with one condition at least.", "rule")])
    rule: Rule = {}
    wrong: list[ErrorRow] = []
    for name, value in raw.items():
        check = _CHECKS.get(name)
        try:
            if check is None:
                raise _Wrong("unknown_condition", f"Conditions are: {', '.join(_CHECKS)}.")
            rule[name] = check(value)
        except _Wrong as problem:
            code, detail, below = problem.row
            wrong.append(ErrorRow(code, detail, f"rule.{str(name)[:60]}{below}"))
    if not wrong and Decimal(rule.get("min_price", 0)) > Decimal(rule.get("max_price", "Infinity")):
        wrong.append(ErrorRow("price_range_backwards", "It is less than min_price.", "rule.max_price"))
    if wrong:
        raise InvalidRule(wrong)
    return rule


def narrow(products: ProductQuerySet, rule: Rule) -> ProductQuerySet:
    """Return those products that fit a checked rule now: a condition of the same statement.

    What its attributes mean is looked up first, in two statements at most.
    """
    chosen, refused = read_attributes(rule.get("attributes", {}), by_staff=True)
    criteria = Criteria(
        brands=[UUID(key) for key in rule["brand"]] if "brand" in rule else None,
        min_price=Decimal(rule["min_price"]) if "min_price" in rule else None,
        max_price=Decimal(rule["max_price"]) if "max_price" in rule else None,
        in_stock=rule.get("in_stock"),
        attributes=chosen.values,
        numbers=chosen.numbers,
    )
    products = narrowed(products, (condition.chosen for condition in criteria.conditions()))
    if refused:
        return products.none()  # the attribute, or its choice, is gone
    if "tags" in rule:
        meant = Tag.objects.filter(Q(url_key__in=rule["tags"]) | Q(former__overlap=rule["tags"])).order_by()
        products = products.filter(tags__overlap=ArraySubquery(meant.values("url_key")))
    if "category" in rule:
        above = Category.objects.filter(pk__in=rule["category"], path__ancestor_of=OuterRef("path"))
        products = products.filter(category__in=Category.objects.filter(Exists(above)).order_by())
    if "created_within_days" in rule:
        products = products.filter(created_at__gte=Now() - timedelta(days=rule["created_within_days"]))
    if "min_rating" in rule:
        products = products.filter(rating__gte=Decimal(rule["min_rating"]))
    return products


# --- Conditions -----------------------------------------------------------------------------------------------


def _texts(value: Any) -> Sequence[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_CHOICES:
        raise _Wrong("invalid", f"Give 1 to {MAX_CHOICES} texts.")
    for index, each in enumerate(values):
        if not isinstance(each, str) or not 1 <= len(each) <= _LONGEST:
            raise _Wrong("invalid", f"Give a text of 1 to {_LONGEST} characters.", f".{index}")
    return values


def _ids_of(model: type[Category] | type[Brand], code: str) -> Callable[[Any], list[str]]:
    def check(value: Any) -> list[str]:
        ids = []
        for index, key in enumerate(_texts(value)):
            found = model.objects.filter(by_id_or_url_key(key)).values_list("pk", flat=True).first()
            if found is None:
                raise _Wrong(code, f"There is no such {model._meta.verbose_name}.", f".{index}")
            ids.append(str(found))
        return list(dict.fromkeys(ids))

    return check


def _price(value: Any) -> str:
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise _Wrong("invalid", 'Give a decimal string such as "1500.00".')
    return value


def _stars(value: Any) -> str:
    if not isinstance(value, str) or not _STARS.fullmatch(value) or Decimal(value) > 5:
        raise _Wrong("invalid", 'Give a decimal string from "0" to "5".')
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("invalid", "Give true or false.")
    return value


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_DAYS:
        raise _Wrong("invalid", f"Give a whole number from 1 to {MAX_DAYS}.")
    return value


def _attributes(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, Mapping) or not 1 <= len(value) <= MAX_ATTRIBUTES:
        raise _Wrong("invalid", f"Give an object with 1 to {MAX_ATTRIBUTES} attributes.")
    checked = {}
    for name, values in value.items():
        if not isinstance(name, str) or "\0" in name or len(name) > _LONGEST:
            raise _Wrong("unknown_attribute", "No product has this attribute.", f".{str(name)[:60]}")
        try:
            checked[name] = list(_texts(values))
        except _Wrong as problem:
            code, detail, below = problem.row
            raise _Wrong(code, detail, f".{name[:60]}{below}") from None
    _, refused = read_attributes(checked, by_staff=True)
    for name, error in refused.items():
        raise _Wrong(error.code, str(error), f".{name[:60]}")
    return checked


def _tags(value: Any) -> list[str]:
    try:
        names = clean_names(_texts(value))
    except TagsRefused as refusal:
        row = refusal.rows[0]
        raise _Wrong(row.code, row.detail, (row.attr or "").removeprefix("tags")) from None
    found = meant_by(names)
    for index, name in enumerate(names):
        if name not in found:
            raise _Wrong("unknown_tag", "There is no such tag.", f".{index}")
    return sorted(set(found.values()))


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "category": _ids_of(Category, "unknown_category"),
    "brand": _ids_of(Brand, "unknown_brand"),
    "min_price": _price,
    "max_price": _price,
    "in_stock": _flag,
    "attributes": _attributes,
    "tags": _tags,
    "created_within_days": _days,
    "min_rating": _stars,
}
