"""What the columns of other people's files mean: the fields that an import knows, and how they may be called.

Shopify's own template is among them, from the header of 2012 (``Variant Price``) to that of 2024 (``Price``).
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from catalog.exchange.exceptions import BadMapping
from ecommerce.exceptions import ErrorRow

# Field: what else it is called, letters and digits only, in lower case.
_NAMES: dict[str, tuple[str, ...]] = {
    # of a product; they stand in its first row, or in each
    "url_key": ("handle", "urlhandle", "urlkey", "slug", "permalink", "producthandle"),
    "source_id": ("sourceid", "externalid", "productid", "id"),
    "name": ("title", "productname", "name", "producttitle", "itemname", "product", "item"),
    "description": ("bodyhtml", "body", "description", "descriptionhtml", "longdescription", "productdescription"),
    "brand": ("vendor", "brand", "manufacturer", "brandname", "maker", "make"),
    "category": (
        *("productcategory", "category", "categorypath", "standardizedproducttype", "standardproducttype"),
        *("categories", "department", "googleshoppinggoogleproductcategory", "googleproductcategory"),
    ),
    "type": ("type", "customproducttype", "producttype"),
    "tags": ("tags", "tag", "labels", "keywords"),
    "published": ("published", "publishedononlinestore", "visible", "visibility"),
    "status": ("status", "productstatus"),
    "is_active": ("isactive", "active", "enabled"),
    "kind": ("kind",),
    "requires_shipping": ("variantrequiresshipping", "requiresshipping"),
    "image_url": (
        *("imagesrc", "imageurl", "image", "productimageurl", "images", "picture", "imagelink", "mainimage"),
        "photo",
    ),
    "attributes": ("attributes",),
    "tax_kind": ("taxkind", "taxkindproductmetafieldsshoptaxkind"),
    "item_class_code": ("itemclasscode", "itemclasscodeproductmetafieldsshopitemclasscode", "kraclasscode"),
    # of a variant: one row each
    "sku": ("variantsku", "sku", "itemcode", "stockcode", "productcode", "articlenumber", "itemno", "itemnumber"),
    "mpn": ("googleshoppingmpn", "mpn", "partnumber", "manufacturerpartnumber", "model", "modelnumber"),
    "barcode": ("variantbarcode", "barcode", "gtin", "ean", "upc", "ean13", "isbn"),
    "price": ("variantprice", "price", "unitprice", "sellingprice", "retailprice", "pricekes", "priceksh", "saleprice"),
    "compare_at_price": (
        *("variantcompareatprice", "compareatprice", "oldprice", "regularprice", "listprice", "wasprice", "msrp"),
        "rrp",
    ),
    "currency": ("currency", "currencycode"),
    "stock": (
        *("variantinventoryqty", "variantinventoryquantity", "inventoryquantity", "stock", "quantity", "qty"),
        *("inventory", "stockquantity", "available", "onhand", "instock", "units", "stocklevel"),
    ),
    "availability_policy": ("availabilitypolicy",),
    "backorder_limit": ("backorderlimit",),
    "available_from": ("availablefrom",),
    "grams": ("variantgrams", "grams", "weightgrams", "weightvaluegrams", "weightg", "weightingrams"),
    "weight": ("weight", "variantweight", "shippingweight"),
    "weight_unit": ("weightunit",),
    "options": ("options",),
    "option1_name": ("option1name",),
    "option1_value": ("option1value",),
    "option2_name": ("option2name",),
    "option2_value": ("option2value",),
    "option3_name": ("option3name",),
    "option3_value": ("option3value",),
    "variant_image_url": ("variantimage", "variantimageurl", "variantimagesrc"),
    "variant_is_active": ("variantisactive", "variantactive"),
}
FIELDS: tuple[str, ...] = tuple(_NAMES)
ATTRIBUTE = "attribute:"  # and a name: the column is that attribute of the product
IGNORED = ""
_BY_NAME = {name: field for field, names in _NAMES.items() for name in names}
# Of several columns with the same meaning the one that is named first in _NAMES is read.
_RANK = {name: rank for names in _NAMES.values() for rank, name in enumerate(names)}

_SHOPIFY = ({"handle", "title", "option1value"}, {"urlhandle", "title", "option1value"})
_METAFIELD = re.compile(r"(.{1,60}?) \(product\.metafields\.[^()]+\)")
_ATTRIBUTE_COLUMN = re.compile(r"attributes?[.: ](.{1,60})", re.IGNORECASE)
_MAX_SHOWN = 5


def plain(header: str) -> str:
    """Return what counts of a column's name: ``Body (HTML)`` and ``body_html`` are one."""
    return "".join(char for char in header.casefold() if char.isalnum())


def suggest(columns: Iterable[str]) -> dict[str, str]:
    """Return a mapping from the file's columns to fields; what nobody knows is ignored."""
    columns = list(columns)
    chosen: dict[str, str] = {}
    for column in sorted(columns, key=lambda column: _RANK.get(plain(column), 0)):
        field = _BY_NAME.get(plain(column))
        if field and field not in chosen:
            chosen[field] = column
    fields = {column: field for field, column in chosen.items()}
    return {column: fields.get(column) or _attribute(column) for column in columns}


def _attribute(column: str) -> str:
    match = _METAFIELD.fullmatch(column) or _ATTRIBUTE_COLUMN.fullmatch(column)
    return f"{ATTRIBUTE}{match[1].strip()}" if match else IGNORED


def looks_like_shopify(columns: Iterable[str]) -> bool:
    known = {plain(column) for column in columns}
    return any(needed <= known for needed in _SHOPIFY)


def can_identify(mapping: Mapping[str, str]) -> bool:
    """Tell whether rows can be told to be products at all."""
    known = set(mapping.values()) - {IGNORED}
    return "name" in known or ("sku" in known and bool(known - {"sku"}))


def merge(columns: Sequence[str], suggested: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the suggestion with what somebody has said to the contrary.

    Raises:
        BadMapping: names each column that the file has not got, each unknown field, and each that is meant twice.
    """
    rows = []
    for column, field in given.items():
        attr = f"mapping.{column}"
        if column not in columns:
            rows.append(ErrorRow("unknown_column", f"The file has no column {column[:60]!r}.", attr))
        elif field and field not in _NAMES and not (field.startswith(ATTRIBUTE) and field[len(ATTRIBUTE) :].strip()):
            rows.append(ErrorRow("unknown_field", f"{field[:60]!r} is no field of an import.", attr))
    wanted = set(given.values()) - {IGNORED}
    # Somebody who maps another column to a field takes it from the one that was suggested.
    kept = {column: IGNORED if field in wanted else field for column, field in suggested.items()} | dict(given)
    result = {column: kept.get(column, IGNORED) for column in columns}
    seen: dict[str, str] = {}
    for column, field in result.items():
        if field and field in seen:
            detail = f"{field} is what {seen[field][:60]!r} means already."
            rows.append(ErrorRow("field_twice", detail, f"mapping.{column}"))
        seen.setdefault(field, column)
    if rows:
        raise BadMapping(rows)
    if not can_identify(result):
        detail = "Nothing is mapped to name, nor to sku with something to change."
        raise BadMapping([ErrorRow("nothing_to_import", detail, "mapping")])
    return result
