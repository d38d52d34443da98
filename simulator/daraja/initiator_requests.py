"""Checking what an initiator asks for: B2C, B2B, reversal, transaction status, account balance.

Source: Daraja, the pages of these products. Spellings are theirs (``Occassion``, ``RecieverIdentifierType``).
"""

from dataclasses import dataclass
from typing import Any, TypedDict

from simulator.daraja.fields import SHORTCODE, Refuse, read_amount, read_digits, read_text, read_url
from simulator.daraja.initiators import is_credential
from simulator.daraja.wire import Refusal, bad_field
from simulator.msisdn import WIRE_MSISDN

B2C_COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")
POCHI_COMMANDS = ("BusinessPayToPochi",)
TOP_UP = "BusinessPayToBulk"
B2B_COMMANDS = ("BusinessPayBill", "BusinessBuyGoods", TOP_UP)
RECEIPT = r"[A-Z0-9]{10}"
CONVERSATION_LENGTH = 100
REMARKS_LENGTH = 100
_SHORTCODE_TYPE = "4"
_PARTY_TYPES = ("1", "2", _SHORTCODE_TYPE)
_REVERSAL_TYPES = ("11", _SHORTCODE_TYPE)  # 11 as documented, 4 as some clients send it


@dataclass(frozen=True)
class OperationRequest:
    """What was asked, whatever the kind; ``amount`` is in whole shillings."""

    kind: str
    command: str
    initiator: str
    credential: str
    shortcode: str
    remarks: str
    occasion: str
    result_url: str
    timeout_url: str
    originator_conversation_id: str = ""  # empty: the gateway makes one
    other_party: str = ""
    amount: int | None = None
    reference: str = ""
    receipt: str = ""
    asked_conversation: str = ""


class _Common(TypedDict):
    remarks: str
    occasion: str
    result_url: str
    timeout_url: str


def status_bad_field(name: str) -> Refusal:
    return Refusal(400, "400.003.02", f"Bad Request - Invalid {name}")


def read_b2c(body: dict[str, Any]) -> OperationRequest:
    """Read a payout of version 3, which names its OriginatorConversationID itself."""
    return _b2c(body, B2C_COMMANDS, read_text(body, "OriginatorConversationID", CONVERSATION_LENGTH))


def read_b2c_v1(body: dict[str, Any]) -> OperationRequest:
    return _b2c(body, B2C_COMMANDS, "")


def read_pochi(body: dict[str, Any]) -> OperationRequest:
    return _b2c(body, POCHI_COMMANDS, read_text(body, "OriginatorConversationID", CONVERSATION_LENGTH))


def _b2c(body: dict[str, Any], commands: tuple[str, ...], originator_conversation_id: str) -> OperationRequest:
    return OperationRequest(
        kind="b2c",
        originator_conversation_id=originator_conversation_id,
        initiator=read_text(body, "InitiatorName", CONVERSATION_LENGTH),
        credential=_credential(body),
        command=_one_of(body, "CommandID", commands),
        amount=read_amount(body),
        shortcode=read_digits(body, "PartyA", SHORTCODE),
        other_party=read_digits(body, "PartyB", WIRE_MSISDN.pattern),
        **_common(body),
    )


def read_b2b(body: dict[str, Any]) -> OperationRequest:
    _one_of(body, "SenderIdentifierType", (_SHORTCODE_TYPE,))
    _receiver_type(body, ("2", _SHORTCODE_TYPE))
    return OperationRequest(
        kind="b2b",
        initiator=read_text(body, "Initiator", CONVERSATION_LENGTH),
        credential=_credential(body),
        command=_one_of(body, "CommandID", B2B_COMMANDS),
        amount=read_amount(body),
        shortcode=read_digits(body, "PartyA", SHORTCODE),
        other_party=read_digits(body, "PartyB", SHORTCODE),
        reference=read_text(body, "AccountReference", 13, optional=body.get("CommandID") != "BusinessPayBill"),
        **_common(body),
    )


def read_reversal(body: dict[str, Any]) -> OperationRequest:
    _receiver_type(body, _REVERSAL_TYPES)
    return OperationRequest(
        kind="reversal",
        initiator=read_text(body, "Initiator", CONVERSATION_LENGTH),
        credential=_credential(body),
        command=_one_of(body, "CommandID", ("TransactionReversal",)),
        receipt=read_digits(body, "TransactionID", RECEIPT),
        amount=read_amount(body),
        shortcode=read_digits(body, "ReceiverParty", SHORTCODE),
        **_common(body),
    )


def read_status(body: dict[str, Any]) -> OperationRequest:
    """Read a question about a transaction, by its receipt or by the OriginatorConversationID that it was sent with."""
    refuse = status_bad_field
    _one_of(body, "IdentifierType", _PARTY_TYPES, refuse)
    receipt = asked = ""
    if body.get("TransactionID") not in (None, ""):
        receipt = read_digits(body, "TransactionID", RECEIPT, refuse)
    else:
        if body.get("OriginalConversationID") in (None, ""):
            raise refuse("TransactionID")
        asked = read_text(body, "OriginalConversationID", CONVERSATION_LENGTH, refuse)
    return OperationRequest(
        kind="status",
        initiator=read_text(body, "Initiator", CONVERSATION_LENGTH, refuse),
        credential=_credential(body, refuse),
        command=_one_of(body, "CommandID", ("TransactionStatusQuery",), refuse),
        receipt=receipt,
        asked_conversation=asked,
        shortcode=read_digits(body, "PartyA", SHORTCODE, refuse),
        **_common(body, refuse),
    )


def read_balance(body: dict[str, Any]) -> OperationRequest:
    _one_of(body, "IdentifierType", _PARTY_TYPES)
    return OperationRequest(
        kind="balance",
        initiator=read_text(body, "Initiator", CONVERSATION_LENGTH),
        credential=_credential(body),
        command=_one_of(body, "CommandID", ("AccountBalance",)),
        shortcode=read_digits(body, "PartyA", SHORTCODE),
        **_common(body),
    )


def _common(body: dict[str, Any], refuse: Refuse = bad_field) -> _Common:
    occasion = "Occassion" if "Occassion" in body else "Occasion"
    return {
        "remarks": read_text(body, "Remarks", REMARKS_LENGTH, refuse, shortest=2),
        "occasion": read_text(body, occasion, REMARKS_LENGTH, refuse, optional=True),
        "result_url": read_url(body, "ResultURL", refuse),
        "timeout_url": read_url(body, "QueueTimeOutURL", refuse),
    }


def _receiver_type(body: dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Check RecieverIdentifierType; several client libraries spell it right and are served all the same."""
    documented, spelled_right = "RecieverIdentifierType", "ReceiverIdentifierType"
    if documented not in body and spelled_right in body:
        body = {**body, documented: body[spelled_right]}
    _one_of(body, documented, allowed)


def _credential(body: dict[str, Any], refuse: Refuse = bad_field) -> str:
    credential = body.get("SecurityCredential")
    if not isinstance(credential, str) or not is_credential(credential):
        raise refuse("SecurityCredential")
    return credential


def _one_of(body: dict[str, Any], name: str, allowed: tuple[str, ...], refuse: Refuse = bad_field) -> str:
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value not in allowed:
        raise refuse(name)
    return str(value)
