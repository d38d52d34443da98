"""What can go wrong with currencies."""

from ecommerce.exceptions import DomainError


class RateUnavailable(DomainError):
    status_code = 400
    code = "rate_unavailable"
    message = "There is no exchange rate for this currency."


class RateExists(DomainError):
    code = "rate_exists"
    message = "This currency has a rate from that moment on; rates are never changed."


class BaseHasNoRate(DomainError):
    status_code = 400
    code = "base_has_no_rate"
    message = "Rates are counted in this currency, so it has none."
