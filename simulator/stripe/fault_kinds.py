"""Every fault that Stripe can be told to have."""

from typing import Any

from simulator.faults import FaultKind
from simulator.outbox import event_faults

_RETRY = {"should_retry": "unsaid"}  # true, false or unsaid: the header Stripe-Should-Retry
_KEPT = {**_RETRY, "kept": True}
_BROKEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("429", "HTTP 429, rate_limit", {}),
    ("html_503", "HTTP 503 with a gateway's HTML page", {}),
    ("empty_body", "HTTP 200 with an empty body", {}),
    ("truncated_json", "HTTP 200 with JSON that breaks off", {}),
    ("answer_lost", "the connection is closed without an answer", {}),
)


def _writing(stage: str) -> tuple[FaultKind, ...]:
    """List what can go wrong around a request that changes something."""
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("500_before", "HTTP 500, nothing is done or kept", _RETRY),
        ("500_after", "HTTP 500, but it is done; a repeat with the key is answered 500 too, if kept", _KEPT),
        ("409", "HTTP 409, idempotency_key_in_use, nothing is done", _RETRY),
        ("hang_before", "waits, then does it and answers; repeats meanwhile are answered 409", {"seconds": 10.0}),
        ("hang_after", "does it at once, answers after a wait", {"seconds": 10.0}),
        *((name, _done(name, effect), parameters) for name, effect, parameters in _BROKEN),
    )
    return _named(stage, kinds)


def _done(name: str, effect: str) -> str:
    return f"{effect}, nothing is done" if name in ("429", "html_503") else f"{effect}, but it is done"


def _reading(stage: str) -> tuple[FaultKind, ...]:
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("500", "HTTP 500, api_error", _RETRY),
        ("hang", "the right answer, so many seconds late", {"seconds": 10.0}),
        *_BROKEN,
    )
    return _named(stage, kinds)


_WEBHOOK: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("v0_only", "have the right signature under v0 and none under v1", {}),
    ("two_signatures", "have a second v1 before the right one, as while a secret is rolled", {}),
    ("old_t", "were signed so many seconds ago", {"seconds": 600.0}),
    ("future_t", "were signed so many seconds ahead", {"seconds": 3600.0}),
    ("wrong_amount", "have amounts one unit off, or the amount given", {"amount": None}),
    ("wrong_currency", "name another currency", {"currency": "usd"}),
    ("wrong_livemode", "have livemode turned round", {}),
)


def _named(stage: str, kinds: tuple[tuple[str, str, dict[str, Any]], ...], family: str = "") -> tuple[FaultKind, ...]:
    prefix = f"stripe_{family or stage}"
    return tuple(
        FaultKind(f"{prefix}_{name}", f"stripe.{stage}", effect, parameters) for name, effect, parameters in kinds
    )


_PAYMENT = (
    FaultKind(
        "stripe_unpaid_completion",
        "stripe.create",
        "a card payment on the page completes unpaid; the money comes (outcome succeeded) or not (failed) later",
        {"outcome": "succeeded", "seconds": 0.2},
    ),
    FaultKind(
        "stripe_dispute",
        "stripe.create",
        "a paid payment is disputed so many seconds later",
        {"seconds": 0.2, "reason": "fraudulent"},
    ),
)
_ANSWERS = (
    FaultKind("stripe_retrieve_missing", "stripe.retrieve", "HTTP 404, resource_missing"),
    FaultKind(
        "stripe_retrieve_wrong_amount",
        "stripe.retrieve",
        "amounts are one unit off, or the amount given",
        {"amount": None},
    ),
    FaultKind("stripe_retrieve_wrong_currency", "stripe.retrieve", "another currency is named", {"currency": "usd"}),
    FaultKind("stripe_retrieve_wrong_livemode", "stripe.retrieve", "livemode is turned round"),
)
_LIST = (
    FaultKind(
        "stripe_list_search_lags",
        "stripe.list",
        "a search does not yet find what is younger than so many seconds",
        {"seconds": 60.0},
    ),
)
_REFUND = (
    FaultKind(
        "stripe_refund_pending",
        "stripe.refund",
        "the refund is answered pending, and succeeds so many seconds later",
        {"seconds": 0.2},
    ),
    FaultKind(
        "stripe_refund_turns_failed",
        "stripe.refund",
        "the refund looks done, and fails so many seconds later",
        {"seconds": 0.2, "reason": "lost_or_stolen_card"},
    ),
)

STRIPE_FAULTS = (
    *_writing("create"),
    *event_faults("stripe_webhook", "stripe.create", "a payment's last webhooks", *_WEBHOOK),
    *_PAYMENT,
    *_writing("change"),
    *_reading("retrieve"),
    *_ANSWERS,
    *_reading("list"),
    *_LIST,
    *_writing("refund"),
    *event_faults("stripe_refund_webhook", "stripe.refund", "a refund's webhooks", *_WEBHOOK),
    *_REFUND,
    *_writing("transfer"),
)
