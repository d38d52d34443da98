"""What can go wrong with webhooks."""

from ecommerce.exceptions import DomainError


class AddressNotTaken(DomainError):
    """The rows name why: ``invalid_url``, ``https_required``, ``unknown_host``, ``address_not_public``."""

    status_code = 400
    code = "webhook_address_refused"
    message = "Webhooks cannot go to this address."


class TooManyEndpoints(DomainError):
    code = "too_many_webhooks"
    message = "The shop has as many webhooks as it may. Delete one first."


class EndpointPaused(DomainError):
    code = "webhook_paused"
    message = "This webhook is paused. Let it go on first."


class DeliveryOpen(DomainError):
    code = "delivery_open"
    message = "This delivery is under way already."
