"""The errors that Stripe answers with. Source: Stripe API reference, Errors; Error codes."""

from typing import Any


class StripeError(Exception):
    """A request that Stripe refuses. ``more`` goes into the error as it is: ``decline_code``, ``charge`` and so on."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.more = more

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {
            "type": self.kind,
            "code": self.code,
            "doc_url": f"https://docs.stripe.com/error-codes/{self.code.replace('_', '-')}" if self.code else None,
            "message": self.message,
            "param": self.param,
            "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}",
            **self.more,
        }
        return {"error": {name: value for name, value in error.items() if value is not None}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, **more: Any) -> StripeError:
    return StripeError(400, "invalid_request_error", message, code=code, param=param, **more)


def no_such(kind: str, wanted: str, param: str = "id", status: int = 404) -> StripeError:
    """Return the error for an unknown object: 404 where the path names it, 400 where a parameter does."""
    message = f"No such {kind}: '{wanted}'"
    return StripeError(status, "invalid_request_error", message, code="resource_missing", param=param)


def unexpected_state(message: str, intent: dict[str, Any]) -> StripeError:
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def unauthorized(message: str) -> StripeError:
    return StripeError(401, "invalid_request_error", message)


def unrecognized_url(path: str) -> StripeError:
    return StripeError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({path}). Please see https://docs.stripe.com or we can help at"
        " https://support.stripe.com/.",
    )


def rate_limited() -> StripeError:
    return StripeError(
        429,
        "invalid_request_error",
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
        code="rate_limit",
    )


def key_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "invalid_request_error",
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted"
        f" twice, and the other request is still going through): {key}. Please try again later.",
        code="idempotency_key_in_use",
    )


def key_reused(key: str) -> StripeError:
    return StripeError(
        400,
        "idempotency_error",
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using"
        f" a key other than '{key}' if you meant to execute a different request.",
    )


def server_error() -> StripeError:
    return StripeError(500, "api_error", "An unknown error occurred")
