"""What can go wrong with tags."""

from ecommerce.exceptions import DomainError


class TagIntoItself(DomainError):
    status_code = 400
    code = "tag_into_itself"
    message = "A tag cannot become part of itself."


class TagsRefused(DomainError):
    """A product's tags are unknown, or too many; each row names one."""

    status_code = 400
    code = "invalid_tags"
    message = "The tags do not fit."
