"""Result codes and their prose, which differs between callback and query.

Source: Daraja, M-Pesa Express, B2C, Reversals and C2B, result codes. The texts of 2033 and of a partial reversal are
guesses, as is the code of the latter.
"""

PROCESSED = "0"
BALANCE_SHORT = "1"
BELOW_MINIMUM = "2"
ABOVE_TRANSACTION_LIMIT = "3"
ABOVE_DAILY_LIMIT = "4"
ABOVE_WALLET_LIMIT = "8"
BAD_PARAMETER = "25"
SYSTEM_BUSY = "26"
REPEATED = "17"
PROMPT_NOT_SENT = "1025"
CANCELLED = "1032"
NO_ANSWER = "1037"
WRONG_PIN = "2001"  # for initiators: a wrong name or credential
NOT_PERMITTED = "2028"
RECEIPT_UNKNOWN = "2033"
PIN_LOCKED = "8006"  # for initiators: the credential
ALREADY_REVERSED = "R000001"
ORIGINAL_UNKNOWN = "R000002"
NUMBER_UNKNOWN = "SFC_IC0003"
REFUSED_BY_BUSINESS = "C2B00016"

# What a merchant may answer to a validation, besides 0.
C2B_REFUSALS = ("C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", REFUSED_BY_BUSINESS)

_DESCRIPTIONS = {
    PROCESSED: "The service request is processed successfully.",
    BALANCE_SHORT: "The balance is insufficient for the transaction.",
    BELOW_MINIMUM: "Declined due to limit rule: less than the minimum transaction amount.",
    ABOVE_TRANSACTION_LIMIT: "Declined due to limit rule: greater than the maximum transaction amount.",
    ABOVE_DAILY_LIMIT: "Declined due to limit rule: would exceed the daily transfer limit.",
    ABOVE_WALLET_LIMIT: "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "15": "Duplicate detected.",
    REPEATED: "Rule limited.",
    "18": "The initiator password check failed.",
    "20": "The initiator is not found.",
    "21": "The initiator is not allowed to initiate this request.",
    "22": "The initiator is not active.",
    "24": "Mandatory fields are missing.",
    BAD_PARAMETER: "The amount is not that of the original transaction.",
    SYSTEM_BUSY: "System busy. The service request is rejected.",
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
    RECEIPT_UNKNOWN: "The transaction receipt number cannot be found based on the Originator Conversation ID.",
    "2029": "Unresolved reason type.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
    "4999": "The transaction is still under processing",
    PIN_LOCKED: "The security credential is locked.",
    "9999": "An error occurred while sending a push request",
    NUMBER_UNKNOWN: "The operator does not exist.",
    ALREADY_REVERSED: "The transaction has already been reversed.",
    ORIGINAL_UNKNOWN: "The OriginalTransactionID is invalid.",
    "C2B00011": "Invalid MSISDN",
    "C2B00012": "Invalid Account Number",
    "C2B00013": "Invalid Amount",
    "C2B00014": "Invalid KYC Details",
    "C2B00015": "Invalid Shortcode",
    REFUSED_BY_BUSINESS: "Other Error",
}
_QUERY_DESCRIPTIONS = {NO_ANSWER: "DS timeout user cannot be reached."}


def describe_result(code: str) -> str:
    return _DESCRIPTIONS.get(code, "The service request failed.")


def describe_result_in_query(code: str) -> str:
    return _QUERY_DESCRIPTIONS.get(code, describe_result(code))
