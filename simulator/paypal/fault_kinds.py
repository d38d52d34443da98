"""Every fault that PayPal can be told to have."""

from dataclasses import replace
from typing import Any

from simulator.faults import FaultKind
from simulator.outbox import event_faults
from simulator.paypal.tokens import STAGE as OAUTH
from simulator.transport import read_faults, write_faults

CREATE, CAPTURE, GET = "paypal.create", "paypal.capture", "paypal.get"
REFUND, PAYOUT, NOTIFY = "paypal.refund", "paypal.payout", "paypal.notify"


def _own(stage: str, *more: tuple[str, str, dict[str, Any]]) -> tuple[FaultKind, ...]:
    kinds = (
        ("token_expired", "every token ends; HTTP 401, invalid_token", {}),
        *more,
    )
    prefix = stage.replace(".", "_")
    return tuple(FaultKind(f"{prefix}_{name}", stage, effect, parameters) for name, effect, parameters in kinds)


_CONFLICT: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("409", "HTTP 409, PREVIOUS_REQUEST_IN_PROGRESS, nothing is done", {}),
)
_WRONG: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("wrong_amount", "the answer's amounts are one unit off, or this in the smallest unit", {"amount": None}),
    ("wrong_currency", "the answer names another currency", {"currency": "EUR"}),
)


_WEBHOOK: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("other_webhook_id", "are signed for another webhook", {}),
    ("foreign_cert_url", "name a certificate elsewhere, whose key has signed them", {"host": "paypal.example"}),
    ("old_time", "were signed so many seconds ago", {"seconds": 600_000.0}),
    ("future_time", "were signed so many seconds ahead", {"seconds": 600_000.0}),
    ("wrong_amount", "have amounts one unit off, or this in the smallest unit", {"amount": None}),
    ("wrong_currency", "name another currency", {"currency": "EUR"}),
    ("empty_objects", "have {}, [], 1.0 and escapes, which many a parser does not give back as they were", {}),
)
_APPROVAL = (
    FaultKind("paypal_approval_lost", CREATE, "the webhook of the approval is not sent"),
    FaultKind("paypal_approval_late", CREATE, "the webhook of the approval is so many seconds late", {"seconds": 5.0}),
    FaultKind(
        "paypal_approval_lapses", CREATE, "the approval lapses so many seconds later, unless captured", {"seconds": 0.2}
    ),
    FaultKind(
        "paypal_dispute",
        CREATE,
        "a captured payment is disputed so many seconds later; outcome open, buyer or seller",
        {"seconds": 0.2, "outcome": "open"},
    ),
)

PAYPAL_FAULTS = (
    *(replace(kind, alone=True) for kind in read_faults(OAUTH)),
    *write_faults(CREATE),
    *_own(
        CREATE,
        *_CONFLICT,
        ("issue", "HTTP 422 (or what the issue has) with this issue", {"issue": "TRANSACTION_REFUSED"}),
    ),
    *event_faults("paypal_webhook", CREATE, "a payment's last webhooks", *_WEBHOOK),
    *_APPROVAL,
    *write_faults(CAPTURE),
    *_own(
        CAPTURE,
        *_CONFLICT,
        *_WRONG,
        ("issue", "refused with this issue", {"issue": "INSTRUMENT_DECLINED"}),
        ("declined", "HTTP 201, order COMPLETED, but the capture is DECLINED", {}),
        (
            "pending",
            "the capture is PENDING, and COMPLETED or DENIED (outcome) so many seconds later",
            {"reason": "PENDING_REVIEW", "outcome": "COMPLETED", "seconds": 0.2},
        ),
    ),
    *read_faults(GET),
    *_own(
        GET,
        *_WRONG,
        ("missing", "HTTP 404, INVALID_RESOURCE_ID", {}),
        ("stale", "a captured order is shown as it was before: APPROVED, without captures", {}),
    ),
    *write_faults(REFUND),
    *_own(
        REFUND,
        *_CONFLICT,
        ("issue", "refused with this issue", {"issue": "REFUND_FAILED_INSUFFICIENT_FUNDS"}),
        ("pending", "the refund is PENDING, and COMPLETED so many seconds later", {"seconds": 0.2}),
        ("turns_failed", "the refund is PENDING, and FAILED so many seconds later", {"seconds": 0.2}),
    ),
    *event_faults("paypal_refund_webhook", REFUND, "a refund's webhooks", *_WEBHOOK),
    *write_faults(PAYOUT),
    *_own(PAYOUT),
    *read_faults(NOTIFY),
    *_own(NOTIFY),
)
