"""The history of products, what belongs to them, and price lists, one table for each."""

from accounts.history.events import Kind, history_of, kept
from catalog.images.models import ProductImage
from catalog.models import Brand, Category, Product, Stock, Variant
from catalog.prices.models import PriceList, PriceListItem
from catalog.reviews.models import Review

_BELOW_PRODUCT = {"product": "product"}

ProductEvent = history_of(
    Product, exclude=("in_stock", "is_withheld", "picture", "rating", "review_count", "search_vector")
)
VariantEvent = history_of(Variant, exclude=("picture",), by="product")
CategoryEvent = history_of(Category, exclude=("path",))
BrandEvent = history_of(Brand)
# Of pictures what staff decide, not what a worker draws; of reviews what the shop does with them, not what they say.
ProductImageEvent = history_of(ProductImage, fields=("product", "variant", "alt", "position"), by="product")
ReviewEvent = history_of(Review, fields=("product", "status", "reply", "replied_by", "moderated_by"), by="product")
# Of stock what staff decide; the units are a ledger, and no order writes history.
StockEvent = history_of(
    Stock,
    fields=("variant", "product", "availability_policy", "backorder_limit", "available_from", "low_stock_threshold"),
    by="product",
    only_changes=True,
)
PriceListEvent = history_of(PriceList)
PriceListItemEvent = history_of(PriceListItem, by="price_list")

EVENT_MODELS = (
    kept(Kind("product", ProductEvent, "product_name")),
    kept(Kind("variant", VariantEvent, "sku", _BELOW_PRODUCT)),
    kept(Kind("category", CategoryEvent, "category_name")),
    kept(Kind("brand", BrandEvent, "name")),
    kept(Kind("image", ProductImageEvent, "alt", _BELOW_PRODUCT)),
    kept(Kind("review", ReviewEvent, "", _BELOW_PRODUCT)),
    kept(Kind("selling", StockEvent, "variant__sku", _BELOW_PRODUCT)),
    kept(Kind("price_list", PriceListEvent, "name")),
    kept(Kind("price", PriceListItemEvent, "variant__sku", {"price_list": "price_list"})),
)
