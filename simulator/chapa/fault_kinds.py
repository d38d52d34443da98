"""Every fault that Chapa can be told to have."""

from simulator.faults import Fault, FaultKind
from simulator.transport import read_faults, write_faults
from simulator.webhooks import delivery_faults

START, VERIFY, CANCEL = "chapa.initialize", "chapa.verify", "chapa.cancel"
REFUND, TRANSFER, TRANSFER_VERIFY, READ = "chapa.refund", "chapa.transfer", "chapa.transfer_verify", "chapa.read"

_ANSWER = (
    FaultKind("chapa_initialize_disabled", START, "HTTP 404, Payments through API is disabled; nothing is done"),
    FaultKind("chapa_initialize_used_before", START, "HTTP 400, reference used before, but the link is made"),
)

_PAYMENT = (
    FaultKind("chapa_underpaid", START, "half is paid, or this amount in hundredths", {"amount": None}),
    FaultKind("chapa_fee_on_top", START, "the customer bears the fee: amount holds it"),
    FaultKind("chapa_other_currency", START, "it is paid in another currency", {"currency": "USD"}),
    FaultKind(
        "chapa_success_after_failed",
        START,
        "what fails is paid all the same, so many seconds later",
        {"seconds": 0.2},
    ),
    FaultKind(
        "chapa_success_after_cancelled",
        START,
        "what is cancelled is paid all the same, so many seconds later",
        {"seconds": 0.2},
    ),
    FaultKind("chapa_non_ascii_name", START, "the payer's name is not ASCII"),
)

_WEBHOOK = (
    *delivery_faults("chapa_webhook", START),
    FaultKind(
        "chapa_webhook_early",
        START,
        "the request is answered after the webhook (or after so many seconds); needs a customer who acts by himself",
        {"seconds": 5.0},
    ),
    FaultKind(
        "chapa_webhook_forged",
        START,
        "a charge.success with the right constant and a bad x-chapa-signature, before anything was paid",
    ),
    FaultKind(
        "chapa_webhook_forged_constant",
        START,
        "a charge.success with the right constant alone, before anything was paid",
    ),
    FaultKind("chapa_webhook_only_constant", START, "the webhook has chapa-signature alone"),
    FaultKind("chapa_webhook_only_payload", START, "the webhook has x-chapa-signature alone"),
    FaultKind("chapa_webhook_payload_in_constant", START, "chapa-signature alone, and it signs the payload"),
    FaultKind("chapa_webhook_escaped", START, r"the body as PHP writes it: \/ and \uXXXX; the signature fits it"),
    FaultKind(
        "chapa_webhook_signed_compact",
        START,
        "the body as PHP writes it, but the signature is that of the compact re-serialisation",
    ),
    FaultKind("chapa_webhook_wrong_amount", START, "amount is 1.00 off, or this in hundredths", {"amount": None}),
    FaultKind("chapa_webhook_wrong_currency", START, "currency is another", {"currency": "USD"}),
    FaultKind("chapa_webhook_wrong_mode", START, "mode is the other one"),
    FaultKind("chapa_webhook_foreign_reference", START, "tx_ref is another's", {"reference": "NOBODY-KNOWS-THIS"}),
    FaultKind("chapa_webhook_other_type", START, "type is not API", {"type": "Payment Link"}),
    FaultKind("chapa_webhook_amount_as_number", START, "amount and charge are numbers"),
    FaultKind("chapa_webhook_failure_after_success", START, "a paid payment: success, then charge.failed/cancelled"),
    FaultKind("chapa_webhook_success_after_failure", START, "a paid payment: charge.failed/cancelled, then success"),
    FaultKind("chapa_callback_lost", START, "callback_url is not called"),
    FaultKind("chapa_callback_first", START, "callback_url is called, and answers, before the webhook"),
    FaultKind("chapa_callback_last", START, "callback_url is called after the webhook was answered"),
    FaultKind("chapa_callback_tx_ref", START, "callback_url gets tx_ref instead of trx_ref"),
    FaultKind("chapa_callback_json", START, "callback_url is called with a JSON body and no query"),
)

_VERIFY = (
    *read_faults(VERIFY),
    FaultKind("chapa_verify_unknown", VERIFY, "HTTP 404, Invalid transaction or Transaction not found"),
    FaultKind("chapa_verify_not_paid", VERIFY, 'HTTP 404, Payment not paid yet, with the status "null"'),
    FaultKind("chapa_verify_null_status", VERIFY, "HTTP 404, Payment not paid yet, with the status null"),
    FaultKind("chapa_verify_wrong_mode_401", VERIFY, "HTTP 401, the key is said to be of the other mode"),
    FaultKind("chapa_verify_message_object", VERIFY, "HTTP 400, message is an object of lists"),
    FaultKind("chapa_verify_pending", VERIFY, "data.status is pending, whatever is true"),
    FaultKind("chapa_verify_failed", VERIFY, "data.status is failed/cancelled, whatever is true"),
    FaultKind("chapa_verify_other_status", VERIFY, "data.status is this text", {"status": "processing"}),
    FaultKind("chapa_verify_upper_case", VERIFY, "data.status is in capitals"),
    FaultKind("chapa_verify_amount_as_text", VERIFY, "amount and charge are strings"),
    FaultKind("chapa_verify_wrong_amount", VERIFY, "amount is 1.00 off, or this in hundredths", {"amount": None}),
    FaultKind("chapa_verify_wrong_currency", VERIFY, "currency is another", {"currency": "USD"}),
    FaultKind("chapa_verify_wrong_mode", VERIFY, "mode is the other one"),
    FaultKind("chapa_verify_foreign_reference", VERIFY, "tx_ref is another's", {"reference": "NOBODY-KNOWS-THIS"}),
)

_REFUND = (
    *write_faults(REFUND),
    FaultKind("chapa_refund_slow", REFUND, "it takes so many seconds", {"seconds": 5.0}),
    FaultKind("chapa_refund_fails", REFUND, "the refund ends as Failed, no event says so"),
    FaultKind("chapa_refund_ref_id", REFUND, "the answer names the refund ref_id instead of ref"),
    FaultKind("chapa_refund_other_event", REFUND, "the event has this name", {"event": "refund.success"}),
    *delivery_faults("chapa_refund_webhook", REFUND),
)

_TRANSFER = (
    *write_faults(TRANSFER),
    FaultKind("chapa_transfer_pending", TRANSFER, "it takes so many seconds", {"seconds": 5.0}),
    FaultKind("chapa_transfer_fails", TRANSFER, "it ends as failed/cancelled, the money comes back"),
    FaultKind("chapa_transfer_outside_hours", TRANSFER, "HTTP 401, outside the hours of transfers; nothing is done"),
    *delivery_faults("chapa_transfer_webhook", TRANSFER),
    *read_faults(TRANSFER_VERIFY),
    FaultKind("chapa_transfer_verify_null", TRANSFER_VERIFY, "data is [null], as seen in test mode"),
)

CHAPA_FAULTS: tuple[FaultKind, ...] = (
    *write_faults(START),
    *_ANSWER,
    *_PAYMENT,
    *_WEBHOOK,
    *_VERIFY,
    *write_faults(CANCEL),
    *_REFUND,
    *_TRANSFER,
    *read_faults(READ),
)

_STAGES = {kind.name: kind.stage for kind in CHAPA_FAULTS}


def faults_of(stage: str, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if _STAGES[fault.name] == stage)
