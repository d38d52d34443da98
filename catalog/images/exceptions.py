"""What can be wrong with the list of a product's pictures."""

from ecommerce.exceptions import DomainError


class UnknownVariant(DomainError):
    status_code = 400
    code = "variant_unknown"
    message = "The product has no such variant."


class PositionOutOfRange(DomainError):
    status_code = 400
    code = "position_out_of_range"
    message = "The product has fewer pictures than that; positions start at 0."


class TooManyImages(DomainError):
    code = "too_many_images"
    message = "A product has at most 24 pictures; remove one first."


class ImagesChanged(DomainError):
    """The order that was sent does not name each picture once: somebody added or removed one meanwhile."""

    code = "images_changed"
    message = "Name every picture of the product exactly once; `images` has their present order."
