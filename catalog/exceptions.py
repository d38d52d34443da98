"""What can go wrong in the catalogue."""

from ecommerce.exceptions import DomainError


class InsufficientStock(DomainError):
    code = "insufficient_stock"
    message = "There is not enough of this in stock."


class ProductUnavailable(DomainError):
    status_code = 400
    code = "product_unavailable"
    message = "This product is unknown or not for sale."


class VariantRequired(DomainError):
    status_code = 400
    code = "variant_required"
    message = "This product comes in several variants; choose one by variant_id."


class CategoryTooDeep(DomainError):
    status_code = 400
    code = "category_too_deep"
    message = "A category can stand at most 20 levels deep."


class CategoryCycle(DomainError):
    status_code = 400
    code = "category_cycle"
    message = "A category cannot stand below itself."
