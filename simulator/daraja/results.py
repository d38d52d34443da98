"""Result codes of an STK payment and their prose, which differs between callback and query.

Source: Daraja, M-Pesa Express, result codes.
"""

PROCESSED = "0"
BALANCE_SHORT = "1"
ABOVE_TRANSACTION_LIMIT = "3"
ABOVE_DAILY_LIMIT = "4"
REPEATED = "17"
PROMPT_NOT_SENT = "1025"
CANCELLED = "1032"
NO_ANSWER = "1037"
WRONG_PIN = "2001"
NOT_PERMITTED = "2028"
PIN_LOCKED = "8006"

_DESCRIPTIONS = {
    PROCESSED: "The service request is processed successfully.",
    BALANCE_SHORT: "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    ABOVE_TRANSACTION_LIMIT: "Declined due to limit rule: greater than the maximum transaction amount.",
    ABOVE_DAILY_LIMIT: "Declined due to limit rule: would exceed the daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    REPEATED: "Rule limited.",
    "26": "System busy. The service request is rejected.",
    "1001": "Unable to lock subscriber, a transaction is already in process for the current subscriber",
    "1019": "Transaction has expired",
    PROMPT_NOT_SENT: "An error occurred while sending a push request",
    "1031": "Request cancelled by user",
    CANCELLED: "Request cancelled by user",
    "1036": "SMSC ACK timeout.",
    NO_ANSWER: "No response from user.",
    WRONG_PIN: "The initiator information is invalid.",
    "2006": "Declined due to account rule: The account status does not allow this transaction.",
    NOT_PERMITTED: "The request is not permitted according to product assignment.",
    "2029": "Unresolved reason type.",
    "4999": "The transaction is still under processing",
    PIN_LOCKED: "The security credential is locked.",
    "9999": "An error occurred while sending a push request",
    "SFC_IC0003": "The operator does not exist.",
}
_QUERY_DESCRIPTIONS = {NO_ANSWER: "DS timeout user cannot be reached."}


def describe_result(code: str) -> str:
    return _DESCRIPTIONS.get(code, "The service request failed.")


def describe_result_in_query(code: str) -> str:
    return _QUERY_DESCRIPTIONS.get(code, describe_result(code))
