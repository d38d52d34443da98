"""What can go wrong with reviews."""

from ecommerce.exceptions import DomainError


class NotBought(DomainError):
    status_code = 403
    code = "not_bought"
    message = "Only somebody who has bought and received this product may review it."


class OwnProduct(DomainError):
    status_code = 403
    code = "own_product"
    message = "Sellers do not review their own products."


class AlreadyReviewed(DomainError):
    """``extra`` has the ``review`` that exists, to be changed instead."""

    code = "already_reviewed"
    message = "You have reviewed this product already; change that review instead."


class ReviewHeldBack(DomainError):
    code = "review_held_back"
    message = "The shop has taken this review down. You can change it, and it is looked at again."


class NotPublished(DomainError):
    code = "review_not_published"
    message = "Only a published review can be replied to."
