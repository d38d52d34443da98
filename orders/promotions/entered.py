"""Codes that customers have entered for their baskets."""

from django.db import transaction

from ecommerce.exceptions import ErrorRow
from orders import selectors
from orders.carts import lock_cart, touch
from orders.models import Cart
from orders.pricing.baskets import hundredths
from orders.pricing.promotions import Goods
from orders.promotions.codes import normalise
from orders.promotions.exceptions import CouponRefused
from orders.promotions.models import CartCoupon, Coupon
from orders.promotions.refusals import refusal_of

MAX_CODES = 5  # of one basket


@transaction.atomic
def enter_code(cart: Cart, text: str) -> Cart:
    """Enter a code for a basket; return it as it is now. Another code of the same promotion makes way.

    Raises:
        CouponRefused: it gives nothing for what is in the basket; the row says why.
        CartChanged: a log-in elsewhere has just folded it into another one.
    """
    cart = lock_cart(cart)
    code = normalise(text)
    items = selectors.cart_items_by_code(cart, code)
    goods = [Goods(item.variant_id, item.quantity, hundredths(selectors.price_of(item))) for item in items]
    if refusal := refusal_of(code, to=cart.user_id, rows=items, goods=goods, variant="variant_id"):
        raise refusal
    coupon = Coupon.objects.get(code=code)
    entered = cart.entered_coupons.select_related("coupon").order_by("pk")
    present = {row.coupon.promotion_id: row for row in entered}
    same = present.get(coupon.promotion_id)
    if same is not None and same.coupon_id == coupon.pk:
        return cart
    if same is not None:
        same.delete()
    elif len(present) >= MAX_CODES:
        raise CouponRefused([ErrorRow("too_many_codes", f"At most {MAX_CODES} codes at once.", "code")])
    CartCoupon.objects.create(cart=cart, coupon=coupon)
    touch(cart)
    return cart


@transaction.atomic
def remove_codes(cart: Cart, text: str = "") -> Cart:
    """Take a code out of a basket, or all; return the basket as it is now. What is not in it is no matter."""
    cart = lock_cart(cart)
    entered = cart.entered_coupons.all()
    if text:
        entered = entered.filter(coupon__code=normalise(text))
    if entered.delete()[0]:
        touch(cart)
    return cart
