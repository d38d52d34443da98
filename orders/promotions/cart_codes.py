"""What becomes of the codes of a basket when the basket is merged or ordered; both under its lock."""

from orders.models import Cart
from orders.promotions.models import CartCoupon


def move_codes(source: Cart, target: Cart) -> None:
    """Give the codes of one basket to another, unless that has one of the same promotion.

    One statement, three at most.
    """
    moved = {row.coupon.promotion_id: row for row in source.entered_coupons.select_related("coupon")}
    if not moved:
        return
    present = set(target.entered_coupons.values_list("coupon__promotion_id", flat=True))
    rows = [row.pk for promotion_id, row in moved.items() if promotion_id not in present]
    CartCoupon.objects.filter(pk__in=rows).update(cart=target)


def forget_codes(cart: Cart) -> None:
    """Take all codes out of a basket that has been ordered."""
    cart.entered_coupons.all().delete()
