"""Promotions, coupons and orders that have them, for tests."""

from decimal import Decimal

from django.db import transaction

from catalog.models import Variant
from orders.models import Order
from orders.pricing.baskets import hundredths
from orders.pricing.promotions import Goods, best_of
from orders.promotions import services
from orders.promotions.customers import customer_key_of
from orders.promotions.limits import redeem
from orders.promotions.models import Promotion
from orders.promotions.selectors import promotions_of, with_promotions


def promotion(**fields):
    """Make a promotion: 10 % off everything for everybody, unless ``fields`` say otherwise."""
    fields.setdefault("kind", "percent")
    if fields["kind"] in ("percent", "buy_get"):
        fields.setdefault("percent", Decimal(10))
    fields.setdefault("name", f"Promotion {Promotion.objects.count()}")
    return services.save_promotion(**fields)


def coupon(code, of=None, **fields):
    return services.save_coupon(promotion=of or promotion(), code=code, **fields)


def automatic(**fields):
    return promotion(is_automatic=True, **fields)


def variants(*products, to=None, codes=(), customer_key=""):
    """Return the variants of products with what they may have, as a basket would read them."""
    rows = Variant.objects.filter(product__in=products).select_related("product").order_by("pk")
    return list(with_promotions(rows, to=to, codes=codes, product="product_id", customer_key=customer_key))


def found(*products, **asked):
    """Return the names of the promotions that products may have, by product."""
    rows = {row.product_id: row.promotions or [] for row in variants(*products, **asked)}
    return [[each["name"] for each in rows[product.pk]] for product in products]


def order_with(product, *, user=None, email="", codes=(), quantity=1):
    """Make an order with what the promotions take off, without the rest of placing one."""
    with transaction.atomic():
        key = customer_key_of(user.pk if user else None, email=email)
        rows = variants(product, to=user.pk if user else None, codes=codes, customer_key=key)
        goods = [Goods(row.pk, quantity, hundredths(row.price)) for row in rows]
        applied = best_of(promotions_of(rows), goods, 0)
        off = Decimal(sum(one.amount for one in applied)).scaleb(-2)
        subtotal = sum(row.price * quantity for row in rows)
        order = Order.objects.create(
            user=user,
            email=email,
            currency="KES",
            subtotal=subtotal,
            tax=0,
            shipping=0,
            discount=off,
            total_amount=subtotal - off,
        )
        redeem(order, applied, customer_key=key, codes=codes)
    return order


def uses_of(*rows):
    """Return the counts of promotions and coupons as they are in the database."""
    return [type(row).objects.get(pk=row.pk).uses for row in rows]
