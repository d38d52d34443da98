"""What can go wrong with promotions and coupons."""

from ecommerce.exceptions import DomainError


class CouponRefused(DomainError):
    """One row for each code that gives nothing, with the reason as its code; see ``promotions.refusals``."""

    code = "coupon_refused"


class PromotionExhausted(DomainError):
    code = "promotion_exhausted"
    message = "A promotion has ended at this very moment. Look at the total again."


class PromotionInvalid(DomainError):
    """One row for each field that does not go with the others: ``required``, ``not_allowed``, ``period_backwards``."""

    status_code = 400
    code = "invalid_promotion"


class CollectionByRule(DomainError):
    status_code = 400
    code = "collection_by_rule"
    message = "What is in this collection is found when it is read; name its categories or brands instead."


class LimitBelowUses(DomainError):
    code = "limit_below_uses"

    def __init__(self, uses: int) -> None:
        self.message = f"It has been used {uses} times. Switch it off instead, or set that limit."
        super().__init__(uses=uses)


class PromotionInUse(DomainError):
    code = "promotion_in_use"
    message = "Orders have it, and keep it. Switch it off instead."


class PromotionAutomatic(DomainError):
    code = "promotion_automatic"
    message = "This promotion needs no code."


class PromotionHasCoupons(DomainError):
    code = "promotion_has_coupons"
    message = "It has coupons, which would open nothing if it needed no code. Delete them first."


class CouponTaken(DomainError):
    code = "coupon_taken"
    message = "There is a coupon with this code already."


class TooManyCoupons(DomainError):
    status_code = 400
    code = "too_many_coupons"
