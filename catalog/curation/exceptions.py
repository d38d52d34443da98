"""What can go wrong with collections."""

from ecommerce.exceptions import DomainError


class InvalidRule(DomainError):
    """One row for each condition that is wrong, with a code of its own."""

    status_code = 400
    code = "invalid_rule"


class KindFixed(DomainError):
    code = "kind_fixed"
    message = "A collection stays by hand or by rule; make another one."


class CollectionByRule(DomainError):
    code = "collection_by_rule"
    message = "The products of this collection follow its rule; change that."


class InvalidProducts(DomainError):
    """One row for each product that is wrong: ``unknown_product`` or ``product_twice``."""

    status_code = 400
    code = "invalid_products"


class PeriodBackwards(DomainError):
    status_code = 400
    code = "period_backwards"
    message = "A collection is published before it is taken back."
