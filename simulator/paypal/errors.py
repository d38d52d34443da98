"""The errors that PayPal answers with. Source: PayPal developer documentation, Orders v2 and Payments v2 errors."""

from typing import Any

_NAMES = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    405: ("METHOD_NOT_SUPPORTED", "The server does not implement the requested HTTP method."),
    409: ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
}
_STATUSES = {
    "INVALID_CURRENCY_CODE": 400,
    "INVALID_PARAMETER_SYNTAX": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STRING_LENGTH": 400,
    "MALFORMED_REQUEST_JSON": 400,
    "MISSING_REQUIRED_PARAMETER": 400,
    "PAYPAL_REQUEST_ID_REQUIRED": 400,
    "PERMISSION_DENIED": 403,
    "INVALID_RESOURCE_ID": 404,
    "PREVIOUS_REQUEST_IN_PROGRESS": 409,
    "INTERNAL_SERVER_ERROR": 500,
}
_DESCRIPTIONS = {
    "AMOUNT_MISMATCH": "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount"
    " - discount.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "Must be greater than zero.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded.",
    "COMPLIANCE_VIOLATION": "Transaction cannot be processed due to a possible compliance violation.",
    "CURRENCY_MISMATCH": "The currency of the refund must be the same as that of the capture.",
    "CURRENCY_NOT_SUPPORTED": "Currency code is not supported.",
    "DECIMALS_NOT_SUPPORTED": "Currency does not support decimals.",
    "DECIMAL_PRECISION": "The value of the field should not be more than two decimal places.",
    "DUPLICATE_INVOICE_ID": "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account"
    " setting requires that Invoice Id be unique for each transaction.",
    "INSTRUMENT_DECLINED": "The instrument presented was either declined by the processor or bank, or it can't be used"
    " for this payment.",
    "INVALID_CURRENCY_CODE": "Currency code should be a three-character currency code.",
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "The value of a field is invalid.",
    "INVALID_RESOURCE_ID": "Specified resource ID does not exist. Please check the resource ID and try again.",
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
    "ITEM_TOTAL_MISMATCH": "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "You have exceeded the maximum number of payment attempts.",
    "MAX_VALUE_EXCEEDED": "Should be less than or equal to 9999999.99.",
    "MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing.",
    "ORDER_ALREADY_CAPTURED": "Order already captured. If 'intent=CAPTURE' only one capture per order is allowed.",
    "ORDER_COMPLETION_IN_PROGRESS": "An order with this ID is currently in progress. Please wait and try again.",
    "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please redirect the payer to the"
    " 'rel':'approve' url returned as part of the HATEOAS links within the Create Order call.",
    "PAYEE_BLOCKED_TRANSACTION": "The Fraud settings for this seller are such that this payment cannot be executed.",
    "PAYER_ACTION_REQUIRED": "Payer needs to perform the following action before proceeding with payment.",
    "PAYER_CANNOT_PAY": "Payer cannot pay for this transaction.",
    "PAYPAL_REQUEST_ID_REQUIRED": "A PayPal-Request-Id is required if you are trying to process payment for an Order.",
    "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending.",
    "PERMISSION_DENIED": "You do not have permission to access or perform operations on this resource.",
    "PREVIOUS_REQUEST_IN_PROGRESS": "A previous request on this resource is currently in progress. Please wait for some"
    " time and try again.",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount that has not yet been"
    " refunded.",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "Capture could not be refunded due to insufficient funds.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "Refunds not allowed on this capture due to a chargeback on the card or"
    " bank.",
    "TRANSACTION_DISPUTED": "Partial refunds cannot be offered at this time because there is an open case on this"
    " transaction.",
    "TRANSACTION_REFUSED": "The request was refused.",
    "UNSUPPORTED_INTENT": "This simulator knows the intent CAPTURE only.",
}


class PayPalError(Exception):
    """A request that PayPal refuses. The details name the field and the issue; programs branch on the issue."""

    def __init__(
        self,
        status: int,
        *,
        details: tuple[dict[str, Any], ...] = (),
        name: str = "",
        message: str = "",
        links: tuple[dict[str, str], ...] = (),
    ) -> None:
        usual_name, usual_message = _NAMES[status]
        super().__init__(name or usual_name)
        self.status = status
        self.name = name or usual_name
        self.message = message or usual_message
        self.details = details
        self.links = links

    def body(self, debug_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {"name": self.name, "message": self.message, "debug_id": debug_id}
        if self.details:
            body["details"] = list(self.details)
        about = f"https://developer.paypal.com/api/rest/reference/orders/v2/errors/#{self.name}"
        body["links"] = list(self.links) or [{"href": about, "rel": "information_link", "method": "GET"}]
        return body


class TokenError(Exception):
    """A refusal in the form that the token endpoint has, and every other for a token that it does not know."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


def issue(name: str, *, field: str = "", value: object = None, links: tuple[dict[str, str], ...] = ()) -> PayPalError:
    """Return the error of an issue, under the HTTP status that PayPal has for it."""
    detail: dict[str, Any] = {"issue": name, "description": _DESCRIPTIONS.get(name, name.replace("_", " ").lower())}
    if field:
        location = "body" if field.startswith("/") else "header"
        detail = {"field": field, "value": _shown(value), "location": location, **detail}
    return PayPalError(_STATUSES.get(name, 422), details=(detail,), links=links)


def _shown(value: object) -> str:
    return value[:100] if isinstance(value, str) else ""


def not_found() -> PayPalError:
    return issue("INVALID_RESOURCE_ID")


def unknown_token() -> TokenError:
    return TokenError(401, "invalid_token", "The token passed in was not found in the system")
