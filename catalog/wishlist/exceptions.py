"""What can go wrong with wishes."""

from ecommerce.exceptions import DomainError


class WishlistFull(DomainError):
    code = "wishlist_full"
    message = "A wishlist holds 500 products; take something off it first."


class AlreadyInStock(DomainError):
    code = "already_in_stock"
    message = "This can be ordered now."


class EmailRequired(DomainError):
    code = "email_required"
    message = "Your account has no e-mail address that a notice could go to."


class TooManyNotices(DomainError):
    code = "too_many_notices"
    message = "You wait for 100 things already; take one back first."
