"""Every fault that Paystack can be told to have."""

from simulator.faults import Fault, FaultKind
from simulator.transport import read_faults, write_faults
from simulator.webhooks import delivery_faults

START, SUBMIT, VERIFY = "paystack.initialize", "paystack.submit", "paystack.verify"
REFUND, TRANSFER, READ = "paystack.refund", "paystack.transfer", "paystack.read"

_ANSWER = (
    FaultKind(
        "paystack_initialize_duplicate_short",
        START,
        "HTTP 400, Duplicate Transaction Reference with no more than status and message; nothing is done",
    ),
    FaultKind("paystack_charge_whole", START, "/charge: the customer confirms at once, the answer is the transaction"),
    FaultKind("paystack_charge_pending", START, "/charge answers no more than the reference and the status pending"),
    FaultKind(
        "paystack_charge_asks",
        START,
        "/charge asks for this first: send_pin, send_otp, send_phone, send_birthday or send_address",
        {"step": "send_otp"},
    ),
)

_PAYMENT = (
    FaultKind("paystack_underpaid", START, "half is paid, or this amount in hundredths", {"amount": None}),
    FaultKind("paystack_fee_on_top", START, "the customer bears the fee: amount is above requested_amount"),
    FaultKind("paystack_other_currency", START, "it is paid in another currency", {"currency": "NGN"}),
    FaultKind(
        "paystack_success_after_abandoned",
        START,
        "what the customer cancels is paid all the same, so many seconds later",
        {"seconds": 0.2},
    ),
    FaultKind(
        "paystack_success_after_failed",
        START,
        "what fails is paid all the same, so many seconds later",
        {"seconds": 0.2},
    ),
    FaultKind("paystack_wide_id", START, "the transaction's id does not fit into 53 bits"),
    FaultKind("paystack_non_ascii_name", START, "the payer's name is not ASCII"),
    FaultKind("paystack_metadata_empty", START, 'metadata is ""'),
    FaultKind("paystack_metadata_zero", START, "metadata is 0"),
    FaultKind("paystack_metadata_null", START, "metadata is null"),
    FaultKind("paystack_metadata_text", START, "metadata is JSON in a string"),
)

_WEBHOOK = (
    *delivery_faults("paystack_webhook", START),
    FaultKind(
        "paystack_webhook_early",
        START,
        "the request is answered after the webhook (or after so many seconds); needs a customer who acts by himself",
        {"seconds": 5.0},
    ),
    FaultKind("paystack_webhook_forged", START, "a charge.success with a bad signature, before anything was paid"),
    FaultKind("paystack_webhook_wrong_amount", START, "amount is 1.00 off, or this in hundredths", {"amount": None}),
    FaultKind("paystack_webhook_wrong_currency", START, "currency is another", {"currency": "NGN"}),
    FaultKind("paystack_webhook_wrong_mode", START, "domain is the other mode's"),
    FaultKind(
        "paystack_webhook_foreign_reference", START, "reference is another's", {"reference": "NOBODY-KNOWS-THIS"}
    ),
    FaultKind("paystack_webhook_amount_as_text", START, "amount is a string"),
)

_VERIFY = (
    *read_faults(VERIFY),
    FaultKind("paystack_verify_not_found", VERIFY, "HTTP 404, Transaction reference not found"),
    FaultKind("paystack_verify_not_found_400", VERIFY, "HTTP 400, Transaction not found"),
    FaultKind("paystack_verify_abandoned", VERIFY, "status is abandoned, whatever is true"),
    FaultKind("paystack_verify_ongoing", VERIFY, "status is ongoing, whatever is true"),
    FaultKind("paystack_verify_failed", VERIFY, "status is failed, whatever is true"),
    FaultKind(
        "paystack_verify_other_status", VERIFY, "status is this text, whatever is true", {"status": "reversal pending"}
    ),
    FaultKind("paystack_verify_wrong_amount", VERIFY, "amount is 1.00 off, or this in hundredths", {"amount": None}),
    FaultKind("paystack_verify_wrong_currency", VERIFY, "currency is another", {"currency": "NGN"}),
    FaultKind("paystack_verify_wrong_mode", VERIFY, "domain is the other mode's"),
    FaultKind(
        "paystack_verify_foreign_reference", VERIFY, "reference is another's", {"reference": "NOBODY-KNOWS-THIS"}
    ),
    FaultKind("paystack_verify_without_requested_amount", VERIFY, "requested_amount is missing"),
)

_REFUND = (
    *write_faults(REFUND),
    FaultKind("paystack_refund_fails", REFUND, "the refund ends as failed, the money comes back"),
    FaultKind("paystack_refund_needs_attention", REFUND, "the refund ends as needs-attention"),
    FaultKind("paystack_refund_slow", REFUND, "each step takes so many seconds", {"seconds": 5.0}),
    FaultKind("paystack_refund_events_reordered", REFUND, "refund.processing comes after refund.processed"),
    FaultKind("paystack_refund_amount_flipped", REFUND, "amounts in events are numbers instead of text and vice versa"),
    *delivery_faults("paystack_refund_webhook", REFUND),
    FaultKind("paystack_refund_webhook_wrong_amount", REFUND, "amount in events is 1.00 off"),
    FaultKind("paystack_refund_webhook_forged", REFUND, "a refund.processed with a bad signature comes first"),
)

_TRANSFER = (
    *write_faults(TRANSFER),
    FaultKind("paystack_transfer_pending", TRANSFER, "pending for so many seconds, then success", {"seconds": 0.5}),
    FaultKind("paystack_transfer_otp", TRANSFER, "status otp: it waits for finalize_transfer"),
    FaultKind("paystack_transfer_fails", TRANSFER, "pending, then failed"),
    FaultKind("paystack_transfer_blocked", TRANSFER, "pending, then blocked; no event says so"),
    FaultKind("paystack_transfer_reversed", TRANSFER, "success, then reversed (seconds later)", {"seconds": 0.5}),
    *delivery_faults("paystack_transfer_webhook", TRANSFER),
)

PAYSTACK_FAULTS: tuple[FaultKind, ...] = (
    *write_faults(START),
    *_ANSWER,
    *_PAYMENT,
    *_WEBHOOK,
    *write_faults(SUBMIT),
    *_VERIFY,
    *_REFUND,
    *_TRANSFER,
    *read_faults(READ),
)

_STAGES = {kind.name: kind.stage for kind in PAYSTACK_FAULTS}


def faults_of(stage: str, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if _STAGES[fault.name] == stage)
