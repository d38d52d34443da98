"""What can go wrong with attributes."""

from ecommerce.exceptions import DomainError


class AttributesRefused(DomainError):
    """A product's attributes do not fit; each row has a code of its own and names the attribute."""

    status_code = 400
    code = "invalid_attributes"
    message = "The attributes do not fit."


class AttributeInUse(DomainError):
    code = "attribute_in_use"
    message = "Products have this attribute."


class ChoiceInUse(DomainError):
    code = "choice_in_use"
    message = "Products have this choice; rename it, or give them another one first."
