"""What it costs to bring what somebody wants to where they want it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from catalog.models import Variant
from catalog.prices.rules import unit_price
from catalog.prices.selectors import offers_of, with_offers
from catalog.tax_kinds import TaxKind
from orders.cart_changes import is_for_sale
from orders.cart_totals import totals_of, worth_of
from orders.carts import lock_cart
from orders.checkout.models import Checkout, checkout_of
from orders.exceptions import ShippingMethodRequired
from orders.lines import ItemInput, resolve_items
from orders.models import Cart, CartItem
from orders.pricing.baskets import BasketLine, Delivery, price_basket
from orders.promotions.selectors import promotions_of, with_promotions
from orders.selectors import cart_items
from orders.shipping.exceptions import PickupPointRequired, PickupPointUnavailable, ShippingMethodUnavailable
from orders.shipping.quotes import Parcel, Quote, parcel_of, quote_of
from orders.shipping.selectors import shipping_is_set_up


@dataclass(frozen=True)
class ShippingChoice:
    """A method and, for one of pick-up, a point. ``seen`` is the price that the customer was shown.

    ``is_required`` says that one must be chosen where the shop has any. ``attr`` is where the method stood in the
    request, for the error that names it.
    """

    method_id: UUID | None = None
    pickup_point_id: UUID | None = None
    seen: Decimal | None = None
    is_required: bool = True
    attr: str = "method_id"


def delivery_of(
    choice: ShippingChoice,
    items: Sequence[ItemInput],
    *,
    address: Mapping[str, Any],
    user: User | None,
    codes: Sequence[str] = (),
    customer_key: str = "",
) -> Delivery | None:
    """Return what bringing the items costs now; None: nothing is to be brought, or nobody has said how.

    Raises:
        ShippingMethodRequired: one must be chosen, the shop has some, and none was.
        ShippingMethodUnavailable, PickupPointRequired, PickupPointUnavailable: see ``quotes.quote_of``.
        ProductUnavailable, VariantRequired: an item names no single variant.
    """
    if choice.method_id is None and not (choice.is_required and shipping_is_set_up()):
        return None
    parcel = _parcel_of_items(items, user, codes, customer_key)
    if parcel is None:
        return None
    if choice.method_id is None:
        raise ShippingMethodRequired(choice.attr)
    try:
        quote = quote_of(choice.method_id, address, parcel, pickup_point_id=choice.pickup_point_id)
    except ShippingMethodUnavailable:
        raise ShippingMethodUnavailable(choice.attr) from None
    return delivery_from(quote)


def delivery_from(quote: Quote) -> Delivery:
    return Delivery(quote.amount, TaxKind(quote.tax_kind), quote.snapshot())


def parcel_of_cart(items: Sequence[CartItem]) -> Parcel | None:
    """Return the parcel that the lines of a cart make; None: nothing of it is to be brought."""
    carried = [(item.variant, item.quantity) for item in items if is_for_sale(item.variant)]
    if not carried:
        return None
    return parcel_of(carried, worth=worth_of(totals_of(items)), currency=carried[0][0].product.currency)


def keep_quote(checkout: Checkout, cart: Cart, quote: Quote | None) -> None:
    """Remember what the chosen method asks for this version of the cart; None: it does not carry it."""
    checkout.quoted_version = cart.version
    checkout.shipping_amount = quote.amount if quote else None
    checkout.shipping_tax_kind = TaxKind(quote.tax_kind) if quote else TaxKind.STANDARD
    checkout.delivery = quote.snapshot() if quote else {}


def is_stale(cart: Cart | None) -> bool:
    """Tell whether a cart has changed since its shipping was priced."""
    checkout = checkout_of(cart)
    return bool(cart and checkout and checkout.method_id and checkout.quoted_version != cart.version)


@transaction.atomic
def quote_again(cart: Cart) -> Cart:
    """Price the shipping of a cart that has changed, by the method that was chosen."""
    cart = lock_cart(cart)
    checkout = checkout_of(cart)
    if checkout is None or checkout.method_id is None:
        return cart
    parcel = parcel_of_cart(cart_items(cart))
    quote = None
    if parcel is not None:
        # What does not carry it any more is told with the cart; the customer chooses another method.
        with suppress(ShippingMethodUnavailable, PickupPointRequired, PickupPointUnavailable):
            quote = quote_of(
                checkout.method_id, checkout.shipping_address, parcel, pickup_point_id=checkout.pickup_point_id
            )
    keep_quote(checkout, cart, quote)
    checkout.save()
    return cart


def _parcel_of_items(
    items: Sequence[ItemInput], user: User | None, codes: Sequence[str], customer_key: str
) -> Parcel | None:
    wanted, _ = resolve_items(items)
    rows = Variant.objects.filter(pk__in=wanted).select_related("product")
    rows = rows.defer("product__search_vector", "product__description")
    to = user.pk if user else None
    offered = with_offers(rows, to=to)
    variants = list(with_promotions(offered, to=to, codes=codes, product="product_id", customer_key=customer_key))
    if not variants:
        return None
    totals = price_basket(
        [
            BasketLine(
                each.pk,
                wanted[each.pk],
                unit_price(each.price, offers_of(each), wanted[each.pk]),
                TaxKind(each.product.tax_kind),
            )
            for each in variants
        ],
        promotions=promotions_of(variants),
    )
    return parcel_of(
        ((each, wanted[each.pk]) for each in variants), worth=worth_of(totals), currency=variants[0].product.currency
    )
