"""Writing price lists and groups of customers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from catalog.models import Variant
from catalog.prices.exceptions import CurrencyFixed, GroupInUse, InvalidPrices, PeriodBackwards, UnknownUser
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem
from ecommerce.exceptions import ErrorRow

MAX_ITEMS = 5000  # of a list: what one request can set


@dataclass(frozen=True)
class ItemInput:
    """A price of a list; the variant by its id or its SKU. In the list's currency, of one unit."""

    price: Decimal
    min_quantity: int = 1
    variant_id: UUID | None = None
    sku: str = ""


@transaction.atomic
def save_price_list(price_list: PriceList | None = None, **fields: Any) -> PriceList:
    """Create a price list, or change the named fields of one.

    Raises:
        PeriodBackwards: it would end before it begins.
        CurrencyFixed: it has prices, which another currency would make others.
    """
    price_list = PriceList() if price_list is None else lock_price_list(price_list.pk)
    if "currency" in fields and fields["currency"] != price_list.currency and price_list.items.exists():
        raise CurrencyFixed([ErrorRow(CurrencyFixed.code, CurrencyFixed.message, "currency")])
    for name, value in fields.items():
        setattr(price_list, name, value)
    _check_period(price_list.valid_from, price_list.valid_until)
    price_list.save()
    return price_list


def lock_price_list(price_list_id: UUID) -> PriceList:
    """Lock a list, so that its prices and its currency are written by one at a time.

    Raises:
        PriceList.DoesNotExist: somebody has deleted it.
    """
    return PriceList.objects.select_for_update(no_key=True).get(pk=price_list_id)


@transaction.atomic
def set_items(price_list_id: UUID, items: Sequence[ItemInput]) -> None:
    """Make these the prices of a list, all of them or, when one is wrong, none; what is not named goes.

    Raises:
        InvalidPrices: with one row for each wrong item.
        PriceList.DoesNotExist: somebody has deleted it.
    """
    price_list = lock_price_list(price_list_id)
    variants = _variants_of(items)
    wanted: dict[tuple[UUID, int], Decimal] = {}
    wrong: list[ErrorRow] = []
    for index, item in enumerate(items):
        variant = variants.get(item.variant_id or item.sku)
        if variant is None:
            name = "variant" if item.variant_id else "sku"
            wrong.append(ErrorRow("unknown_variant", "There is no such variant.", f"items.{index}.{name}"))
        elif variant.product.currency != price_list.currency:
            detail = f"{variant.sku} is priced in {variant.product.currency}, the list in {price_list.currency}."
            wrong.append(ErrorRow("wrong_currency", detail, f"items.{index}.price"))
        elif (variant.pk, item.min_quantity) in wanted:
            detail = f"{variant.sku} has a price from {item.min_quantity} on already."
            wrong.append(ErrorRow("break_twice", detail, f"items.{index}.min_quantity"))
        else:
            wanted[variant.pk, item.min_quantity] = item.price
    if wrong:
        raise InvalidPrices(wrong)
    present = {(row.variant_id, row.min_quantity): row for row in price_list.items.all()}
    gone = [row.pk for key, row in present.items() if key not in wanted]
    PriceListItem.objects.filter(pk__in=gone).delete()
    PriceListItem.objects.bulk_create(
        [
            PriceListItem(price_list=price_list, variant_id=variant_id, min_quantity=least, price=price)
            for (variant_id, least), price in wanted.items()
            if (variant_id, least) not in present or present[variant_id, least].price != price
        ],
        update_conflicts=True,
        unique_fields=["price_list", "variant", "min_quantity"],
        update_fields=["price", "updated_at"],
        batch_size=1000,
    )
    price_list.save(update_fields=["updated_at"])


@transaction.atomic
def delete_customer_group(group_id: UUID) -> None:
    """Delete a group that no price list is for.

    Raises:
        GroupInUse: a list is for it.
        CustomerGroup.DoesNotExist
    """
    group = CustomerGroup.objects.select_for_update().get(pk=group_id)
    if group.price_lists.exists():
        raise GroupInUse()
    group.delete()


@transaction.atomic
def add_members(group: CustomerGroup, user_ids: Collection[UUID]) -> None:
    """Take users into a group; who belongs to it already stays. All or, when one is unknown, none.

    Raises:
        UnknownUser: with one row for each.
    """
    known = {user.pk: user for user in User.objects.filter(pk__in=user_ids).only("pk")}
    unknown = [
        ErrorRow(UnknownUser.code, UnknownUser.message, f"users.{index}")
        for index, user_id in enumerate(user_ids)
        if user_id not in known
    ]
    if unknown:
        raise UnknownUser(unknown)
    group.members.add(*known.values())


def _variants_of(items: Sequence[ItemInput]) -> Mapping[UUID | str, Variant]:
    """Return the variants that the items name, by id and by SKU, in one statement."""
    ids = {item.variant_id for item in items if item.variant_id}
    skus = {item.sku for item in items if not item.variant_id}
    found = Variant.objects.filter(Q(pk__in=ids) | Q(sku__in=skus), product__deleted_at__isnull=True)
    by_name: dict[UUID | str, Variant] = {}
    for variant in found.select_related("product").only("sku", "product__currency"):
        by_name[variant.pk] = by_name[variant.sku] = variant
    return by_name


def _check_period(begins: datetime | None, ends: datetime | None) -> None:
    if begins is not None and ends is not None and begins >= ends:
        raise PeriodBackwards([ErrorRow(PeriodBackwards.code, PeriodBackwards.message, "valid_until")])
