"""What is for sale, and how much of it there is."""

from datetime import date

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, GistIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest

from catalog.attributes.models import Attribute, AttributeChoice, CategoryAttribute, ProductNumber  # noqa: F401
from catalog.changes.models import ProductChange  # noqa: F401 - a sub-package's models are the app's
from catalog.curation.models import Collection, CollectionProduct  # noqa: F401
from catalog.documents.models import CatalogueVersion  # noqa: F401
from catalog.exchange.models import CatalogueImport, ImportChange, ImportProblem  # noqa: F401
from catalog.images.models import ProductImage  # noqa: F401
from catalog.inventory.availability import Availability, AvailabilityPolicy, with_availability
from catalog.inventory.models import (  # noqa: F401
    LowStockAlert,
    StockCount,
    StockCountLine,
    Warehouse,
    WarehouseStock,
)
from catalog.ltree import LtreeField
from catalog.prices.models import CustomerGroup, PriceList, PriceListItem  # noqa: F401
from catalog.reviews.models import Review  # noqa: F401
from catalog.searching.models import SearchAttribute, SearchSynonym, SearchWord  # noqa: F401
from catalog.tagging.models import Tag  # noqa: F401
from catalog.tax_kinds import TaxKind
from catalog.wishlist.models import StockNotice, WishlistItem  # noqa: F401
from ecommerce.models import BaseModel, new_id
from ecommerce.pictures.storage import address_of


class Category(BaseModel):
    category_name = models.CharField(max_length=120, unique=True)
    url_key = models.SlugField(max_length=140, unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    # Ids (as hex) of all ancestors and of itself; kept by services.save_category, also when a branch moves.
    path = LtreeField(editable=False, unique=True)
    # Products of it, and of all below, have no attributes but those that were given to these categories.
    only_defined_attributes = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name_plural = "categories"
        ordering = ("category_name",)
        indexes = [GistIndex(fields=["path"], name="category_path")]

    def __str__(self) -> str:
        return self.category_name


class Brand(BaseModel):
    """Who makes a product. One that was merged into another stays as a former name of it, without products."""

    name = models.CharField(max_length=120, unique=True)
    url_key = models.SlugField(max_length=140, unique=True)
    image_url = models.URLField("logo (address)", max_length=500, blank=True, default="", db_default="")
    # A trigger puts the other one in the place of this one in every product that is written.
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.CASCADE, related_name="former"
    )

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="brand_not_merged_into_itself"),
        ]

    def __str__(self) -> str:
        return self.name


class ProductQuerySet(QuerySet["Product"]):
    def for_sale(self) -> "ProductQuerySet":
        return self.filter(is_active=True, deleted_at__isnull=True)

    def with_stock(self) -> "ProductQuerySet":
        """Annotate ``stock``, the units of all active variants that are here, with ``availability`` and its date."""
        levels = Stock.objects.filter(product_id=models.OuterRef("pk"), variant__is_active=True)
        total = levels.order_by().values("product_id").annotate(total=Sum(Greatest("available", 0))).values("total")
        products = self.annotate(stock=Coalesce(models.Subquery(total), 0))
        return with_availability(products, levels)


class Product(BaseModel):
    """One thing in the shop window. Its variants are what is sold; most products have exactly one.

    ``price`` is the lowest of its variants and ``in_stock`` follows their stock; both are kept by the database's
    own hand or by the one service that writes variants, never by a view. The counter of units lives in ``Stock``,
    a narrow table, so that selling does not rewrite this wide row.
    """

    class Kind(models.TextChoices):
        PHYSICAL = "physical"
        DIGITAL = "digital"
        RENTAL = "rental"
        GIFT_CARD = "gift_card"  # what is paid for a unit can be spent in the shop: ``payments.credit.sold``

    product_name = models.CharField(max_length=255, db_index=True)
    url_key = models.SlugField(max_length=140, unique=True)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, db_index=True)  # in ``currency``
    currency = models.CharField(max_length=3, default=settings.DEFAULT_CURRENCY)
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    brand = models.ForeignKey(Brand, null=True, blank=True, on_delete=models.PROTECT, related_name="products")
    in_stock = models.BooleanField(default=False, editable=False)  # kept by triggers on Stock and Variant
    image_url = models.URLField(max_length=500, blank=True)  # a picture somewhere else, of a feed or by hand
    # A file; kept by catalog.images.services. The default is for a release that does not know the column.
    picture = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PHYSICAL)
    # What it is to the Kenya Revenue Authority: digits of the UNSPSC, for tax invoices.
    item_class_code = models.CharField(max_length=10, blank=True, default="", db_default="")
    tax_kind = models.CharField(
        max_length=10, choices=TaxKind.choices, default=TaxKind.STANDARD, db_default=TaxKind.STANDARD
    )
    seller = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="products"
    )
    rating = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True, editable=False)
    review_count = models.PositiveIntegerField(default=0, editable=False)
    attributes = models.JSONField(default=dict, blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, db_default=[], blank=True, editable=False)
    is_active = models.BooleanField(default=True)
    # Not active only because its seller is suspended; a trigger keeps it so, and makes it active again afterwards.
    is_withheld = models.BooleanField(default=False, db_default=False, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    source_id = models.CharField(max_length=200, null=True, blank=True, unique=True)  # the importer's own key
    # Kept by catalog.searching.indexing, as is the column ``facets``, which the ORM does not know: it is for the
    # search alone, and no list shall carry it.
    search_vector = SearchVectorField(null=True, editable=False)

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind="gift_card") | Q(tax_kind="outside", seller__isnull=True),
                name="product_gift_card_is_the_shops",
                violation_error_message="A gift card is sold by the shop itself, and outside VAT.",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="product_price_not_negative"),
        ]
        indexes = [
            # Orders of lists, over what lists show: deep pages are found, and rows counted, in the index alone.
            *(
                models.Index(fields=[*fields, "id"], name=name, condition=Q(is_active=True, deleted_at__isnull=True))
                for name, fields in (
                    ("product_shown_newest", ["-created_at"]),
                    ("product_shown_by_category", ["category", "product_name"]),
                    ("product_shown_by_price", ["price"]),
                    ("product_shown_by_name", ["product_name"]),
                )
            ),
            GinIndex(fields=["search_vector"], name="product_search_vector"),
            GinIndex(fields=["tags"], name="product_tags"),
            GinIndex(fields=["attributes"], opclasses=["jsonb_path_ops"], name="product_attributes"),
        ]

    def __str__(self) -> str:
        return self.product_name

    @property
    def shown_image_url(self) -> str:
        """Return the address of its first picture that is ready, else of the one that lies somewhere else."""
        return address_of(self.picture) or self.image_url


class Variant(BaseModel):
    """What is really sold: one SKU with its own options, price and stock."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="variants")
    sku = models.CharField(max_length=64, unique=True)
    mpn = models.CharField(max_length=200, blank=True)
    options = models.JSONField(default=dict, blank=True)  # {"color": "Black", "storage": "128GB"}
    price = models.DecimalField(max_digits=12, decimal_places=2)  # in the product's currency
    compare_at_price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    weight_grams = models.PositiveIntegerField(null=True, blank=True)
    barcode = models.CharField(max_length=64, blank=True)
    image_url = models.URLField(max_length=500, blank=True)
    picture = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)  # as above
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "sku")
        constraints = [
            models.UniqueConstraint(fields=["product", "options"], name="variant_options_once"),
            models.CheckConstraint(condition=Q(price__gte=0), name="variant_price_not_negative"),
        ]
        indexes = [
            models.Index(fields=["mpn"], name="variant_mpn", condition=~Q(mpn="")),
            models.Index(fields=["id"], name="variant_inactive", condition=Q(is_active=False)),
        ]

    def __str__(self) -> str:
        return self.sku

    @property
    def shown_image_url(self) -> str:
        return address_of(self.picture) or self.image_url


class Stock(models.Model):
    """The units of one variant. Narrow on purpose: this row is locked and written by every order.

    ``available`` is sellable now; ``on_hand`` is what lies on the shelf, so ``on_hand - available`` is promised to
    orders. Both are sums of ``StockMovement`` and are written by ``catalog.stock`` alone. Where the goods lie says
    ``WarehouseStock``, which no order locks or reads before it is shipped.

    ``available`` is below zero while more are promised than are here: by ``backorder_limit`` at most. A trigger refuses
    to take more, and lets one that is further down, since the limit has been lowered, only rise.
    """

    variant = models.OneToOneField(Variant, primary_key=True, on_delete=models.CASCADE, related_name="stock_level")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="stock_levels")
    available = models.IntegerField(default=0)
    on_hand = models.IntegerField(default=0)
    # At or below so many available it is low; none is the shop's own, settings.LOW_STOCK_THRESHOLD.
    low_stock_threshold = models.PositiveIntegerField(null=True, blank=True)
    availability_policy = models.CharField(
        max_length=10,
        choices=AvailabilityPolicy.choices,
        default=AvailabilityPolicy.DENY,
        db_default=AvailabilityPolicy.DENY,
    )
    backorder_limit = models.PositiveIntegerField(default=0, db_default=0)  # units sold beyond those that are here
    available_from = models.DateField(null=True, blank=True)  # when more are expected

    class Meta:
        verbose_name_plural = "stock"
        constraints = [
            models.CheckConstraint(
                condition=Q(availability_policy="deny", backorder_limit=0, available_from__isnull=True)
                | Q(availability_policy="backorder", backorder_limit__gt=0)
                | Q(availability_policy="preorder", backorder_limit__gt=0, available_from__isnull=False),
                name="stock_policy_is_whole",
            ),
            models.CheckConstraint(condition=Q(on_hand__gte=F("available")), name="stock_on_hand_covers_available"),
        ]
        indexes = [models.Index(fields=["available"], name="stock_low")]

    def __str__(self) -> str:
        return f"{self.available} available, {self.on_hand} on hand"

    @property
    def units_here(self) -> int:
        """How many units are here for whoever orders next."""
        return max(self.available, 0)

    @property
    def sellable(self) -> int:
        """How many units can be ordered now, those that come later too."""
        return max(self.available + self.backorder_limit, 0)

    @property
    def availability(self) -> Availability:
        if self.available > 0:
            return Availability.IN_STOCK
        return Availability(self.availability_policy) if self.sellable else Availability.OUT_OF_STOCK

    @property
    def expected_from(self) -> date | None:
        """When what is ordered now is expected; None if it is here, or cannot be ordered, or nobody knows."""
        is_later = self.availability in (Availability.BACKORDER, Availability.PREORDER)
        return self.available_from if is_later else None


class StockMovement(models.Model):
    """One line of the stock ledger; a trigger forbids changing or deleting it."""

    class Kind(models.TextChoices):
        RECEIVE = "receive"  # goods came in
        RESERVE = "reserve"  # promised to an order
        RELEASE = "release"  # the promise is taken back
        SELL = "sell"  # left the shelf for an order
        RETURN = "return"  # came back and can be sold again
        ADJUST = "adjust"  # a correction with a reason
        COUNT = "count"  # the shelf was counted
        TRANSFER = "transfer"  # went to another warehouse, or came from one

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="movements")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    available_change = models.IntegerField()
    on_hand_change = models.IntegerField()
    # Where goods came or went; a trigger puts in the default one. Promises (reserve, release) have no place.
    warehouse = models.ForeignKey(
        "catalog.Warehouse", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    order_item_id = models.UUIDField(null=True)  # no foreign key: orders import the catalogue, not the reverse
    part = models.PositiveSmallIntegerField(default=0, db_default=0)  # 0, 1…: an order's line taken from several places
    document_id = models.UUIDField(null=True)  # the transfer or the count that it is part of
    reason = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Stock is reserved, released and sold exactly once for a line of an order.
            models.UniqueConstraint(
                fields=["order_item_id", "kind", "part"],
                condition=Q(order_item_id__isnull=False),
                name="movement_once_per_order_item",
            ),
            models.CheckConstraint(
                condition=Q(on_hand_change=0, warehouse__isnull=True)
                | (~Q(on_hand_change=0) & Q(warehouse__isnull=False)),
                name="movement_of_goods_has_a_place",
            ),
        ]
        indexes = [
            models.Index(fields=["variant", "id"], name="movement_by_variant"),
            models.Index(fields=["warehouse", "id"], name="movement_by_place", condition=Q(warehouse__isnull=False)),
            models.Index(
                fields=["warehouse", "created_at"],
                name="movement_by_place_and_time",
                condition=Q(warehouse__isnull=False),
            ),
            models.Index(fields=["document_id"], name="movement_by_document", condition=Q(document_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.available_change:+d}/{self.on_hand_change:+d}"


class ExchangeRate(models.Model):
    """How many units of ``base`` one unit of ``currency`` costs from a moment on: 129.50 for USD in KES.

    The rate of a moment is the newest one at or before it. A trigger forbids changing or deleting a row: what was
    charged by a rate must stay provable. A wrong rate is put right by a newer one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    base = models.CharField(max_length=3)
    currency = models.CharField(max_length=3)
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=120, blank=True)  # whose rate it is: "Central Bank of Kenya, mean"
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("add", "view")
        constraints = [
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
            models.CheckConstraint(
                condition=Q(base__regex=r"^[A-Z]{3}$", currency__regex=r"^[A-Z]{3}$") & ~Q(base=F("currency")),
                name="exchange_rate_between_two_codes",
            ),
            models.UniqueConstraint(fields=["base", "currency", "valid_from"], name="exchange_rate_once_per_moment"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.base} {self.rate.normalize():f}"


# Last, since it follows the models above: their history.
from catalog.history.models import EVENT_MODELS  # noqa: E402,F401
