"""What can be wrong with a product that somebody writes."""

from ecommerce.exceptions import DomainError


class UrlKeyTaken(DomainError):
    code = "url_key_taken"
    message = "Another product has this url_key. One that was removed keeps its own, for its return."


class SkuTaken(DomainError):
    code = "sku_taken"
    message = (
        "Another variant has this SKU. One that is not sold any more, or whose product was removed, keeps its own."
    )


class OptionsTaken(DomainError):
    code = "variant_options_taken"
    message = "Another variant of this product, perhaps not sold any more, has the same options. Name it by its id."


class GiftCardIsTheShops(DomainError):
    """Somebody else would sell the shop's promises, or VAT would be taken twice: now, and of what they buy."""

    status_code = 400
    code = "gift_card_is_the_shops"
    message = "A gift card is sold by the shop itself, and outside VAT."


class ProductChanged(DomainError):
    """``extra`` has the product's present ``etag`` and ``updated_at``."""

    code = "product_changed"
    message = "Somebody has changed this product since you read it. Read it again; nothing was written."


class PreconditionFailed(ProductChanged):
    status_code = 412


class ProductRemoved(DomainError):
    code = "product_removed"
    message = "This product is removed. Restore it first."


class KindFixed(DomainError):
    code = "kind_fixed"
    message = "The kind of a product stays: open orders hold stock, or do not, by it."


class TooManyVariants(DomainError):
    code = "too_many_variants"
    message = "A product has at most 100 variants that are sold, and 500 in all."


class VariantsRefused(DomainError):
    """The variants, each for itself or taken together, are not such as the shop can sell; a row for each mistake."""

    status_code = 400
    code = "variants_refused"
    message = "These variants cannot be taken."
