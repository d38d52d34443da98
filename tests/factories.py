"""Rows for tests, made the way the shop makes them."""

from decimal import Decimal
from functools import cache
from typing import Any

import factory
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import User
from catalog import services as catalog_services
from catalog.models import Brand, Category, Product, Variant
from catalog.prices import services as price_services
from catalog.prices.models import CustomerGroup, PriceList
from catalog.reviews import services as review_services
from catalog.reviews.models import Review
from orders import placing
from orders import services as order_services
from orders.lines import ItemInput
from orders.models import Order

PASSWORD = "maji-ya-chai-7"


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"customer{n}@example.com")
    phone_number = factory.Sequence(lambda n: f"+2547{n:08d}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", None)
        user = model_class.objects.create_user(kwargs.pop("email"), password, **kwargs)
        if password is None:
            user.password = hashed_password()
            user.save(update_fields=["password"])
        return user


@cache
def hashed_password() -> str:
    """Return ``PASSWORD`` hashed once: Argon2 is slow on purpose."""
    return make_password(PASSWORD)


class CategoryFactory(factory.django.DjangoModelFactory[Category]):
    class Meta:
        model = Category

    category_name = factory.Sequence(lambda n: f"Category {n}")

    @classmethod
    def _create(cls, model_class: type[Category], *args: Any, **kwargs: Any) -> Category:
        return catalog_services.save_category(**kwargs)


class BrandFactory(factory.django.DjangoModelFactory[Brand]):
    class Meta:
        model = Brand

    name = factory.Sequence(lambda n: f"Brand {n}")

    @classmethod
    def _create(cls, model_class: type[Brand], *args: Any, **kwargs: Any) -> Brand:
        return catalog_services.save_brand(**kwargs)


class ProductFactory(factory.django.DjangoModelFactory[Product]):
    """A product with one variant; give ``variants`` (a list of VariantInput) for more, or price, stock and sku."""

    class Meta:
        model = Product

    product_name = factory.Sequence(lambda n: f"Product {n}")
    url_key = factory.Sequence(lambda n: f"product-{n}")
    category = factory.SubFactory(CategoryFactory)
    sku = factory.Sequence(lambda n: f"SKU-{n}")
    price = Decimal("1500.00")
    stock = 10

    @classmethod
    def _create(cls, model_class: type[Product], *args: Any, **kwargs: Any) -> Product:
        only = catalog_services.VariantInput(
            sku=kwargs.pop("sku"), price=kwargs.pop("price"), stock=kwargs.pop("stock"), mpn=kwargs.pop("mpn", "")
        )
        return catalog_services.create_product(variants=kwargs.pop("variants", [only]), **kwargs)


def variant_of(product: Product) -> Variant:
    """Return the only variant of a product."""
    return Variant.objects.select_related("stock_level").get(product=product)


def place_order(user: User, product: Product | None = None, *, quantity: int = 1, **product_fields: Any) -> Order:
    """Place an order for one product, which is made if none is given."""
    product = product or ProductFactory(**product_fields)
    return placing.place_order(user=user, items=[ItemInput(quantity=quantity, product_id=product.pk, attr="items.0")])


def buy(user: User, product: Product | None = None, **product_fields: Any) -> Order:
    """Bring a product, which is made if none is given, to its buyer: ordered, paid, shipped, delivered."""
    order = place_order(user, product, **product_fields)
    with transaction.atomic():
        order_services.transition_order(order.pk, Order.Status.PAID)
    order_services.ship_order(order.pk)
    return order_services.deliver_order(order.pk)


def review(product: Product | None = None, user: User | None = None, **fields: Any) -> Review:
    """Let a buyer, who is made if none is given, review a product."""
    user, product = user or UserFactory(), product or ProductFactory()
    buy(user, product)
    return review_services.write_review(user=user, product=product, **{"rating": 5, **fields})


def price_list(*prices: tuple[Product, str] | tuple[Product, str, int], **fields: Any) -> PriceList:
    """Make a price list: a product (of one variant), its price, and from how many units on. Without a group, public."""
    made = price_services.save_price_list(**{"name": f"List {PriceList.objects.count()}", **fields})
    price_services.set_items(
        made.pk,
        [
            price_services.ItemInput(
                variant_id=variant_of(product).pk, price=Decimal(price), min_quantity=least[0] if least else 1
            )
            for product, price, *least in prices
        ],
    )
    return made


def group_of(*members: User, name: str = "Resellers") -> CustomerGroup:
    group = CustomerGroup.objects.get_or_create(name=name)[0]
    group.members.add(*members)
    return group
