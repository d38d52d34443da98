"""What the catalogue holds about people: what they wrote and wished for."""

from accounts.models import User
from accounts.privacy import registry
from accounts.privacy.generic import erase_tables, export_tables
from accounts.privacy.identity import Identity
from accounts.privacy.tables import Fate, Table, declare
from catalog.models import Product
from ecommerce.exceptions import ErrorRow

TABLES = (
    Table("catalog.WishlistItem", owner="user", fate=Fate.DELETED),
    Table("catalog.StockNotice", owner="user", fate=Fate.DELETED),
    Table("catalog.CustomerGroup_members", owner="user", fate=Fate.DELETED),
    # A review stays, as a nameless customer's: others bought by it. Its history is written by that change too, so it
    # comes after.
    Table("catalog.Review", owner="user", scrubbed="title body reply"),
    Table(
        "catalog.ReviewEvent",
        owner="pgh_obj__user",
        scrubbed="reply",
        plain="pgh_label pgh_context",
        guard="append_only",
    ),
    # --- The shop's own: goods, prices, stock, and what staff say of them
    Table("catalog.Attribute", plain="code label unit steps meaning"),
    Table("catalog.AttributeChoice", plain="code label former"),
    Table("catalog.Collection", plain="name url_key description rule"),
    Table(
        "catalog.CatalogueImport",
        plain="file rows_file file_name sha256 delimiter columns mapping options failure failure_detail differences",
    ),
    Table("catalog.ImportProblem", plain="column key code message"),
    Table("catalog.ImportChange", plain="before after"),
    Table("catalog.ProductImage", plain="alt failure sha256 upload thumbnails"),
    Table("catalog.Warehouse", plain="name code county address"),
    Table("catalog.StockCount", plain="name"),
    Table("catalog.CustomerGroup", plain="name description"),
    Table("catalog.PriceList", plain="name currency"),
    Table("catalog.SearchWord", plain="word"),
    Table("catalog.SearchAttribute", plain="name"),
    Table("catalog.SearchSynonym", plain="term meaning"),
    Table("catalog.Tag", plain="name url_key former"),
    Table("catalog.Category", plain="category_name url_key"),
    Table("catalog.Brand", plain="name url_key image_url"),
    Table(
        "catalog.Product",
        plain="product_name url_key description currency image_url picture item_class_code attributes tags source_id",
    ),
    Table("catalog.Variant", plain="sku mpn options barcode image_url picture"),
    Table("catalog.StockMovement", plain="reason"),
    Table("catalog.ExchangeRate", plain="base currency source"),
    Table(
        "catalog.ProductEvent",
        plain=(
            "pgh_label pgh_context product_name url_key description currency image_url item_class_code attributes tags "
            "source_id"
        ),
    ),
    Table("catalog.VariantEvent", plain="pgh_label pgh_context sku mpn options barcode image_url"),
    Table("catalog.CategoryEvent", plain="pgh_label pgh_context category_name url_key"),
    Table("catalog.BrandEvent", plain="pgh_label pgh_context name url_key image_url"),
    Table("catalog.StockEvent", plain="pgh_label pgh_context"),
    Table("catalog.ProductImageEvent", plain="pgh_label pgh_context alt"),
    Table("catalog.PriceListEvent", plain="pgh_label pgh_context name currency"),
    Table("catalog.PriceListItemEvent", plain="pgh_label pgh_context"),
)


def register() -> None:
    """Let accounts know of it. Called when the app starts."""
    declare(*TABLES)
    registry.register("catalog", export_tables("catalog"), erase, open_matters=open_matters)


def erase(identity: Identity) -> None:
    erase_tables("catalog", identity)


def open_matters(user: User) -> list[ErrorRow]:
    """Return why a seller cannot go: others must know whose goods these are."""
    if Product.objects.filter(seller=user, deleted_at__isnull=True).exists():
        return [ErrorRow("sells_products", "You sell products here. Delete them first.")]
    return []
