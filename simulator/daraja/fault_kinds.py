"""Every fault that Daraja can be told to have."""

from typing import Any

from simulator.faults import FaultKind

_TRANSPORT: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("500", "HTTP 500, 500.003.1001 Internal Server Error", {}),
    ("spike_arrest", "HTTP 429 with the gateway's fault object", {}),
    ("system_busy", "HTTP 500, 500.003.02 System is busy", {}),
    ("html_403", "HTTP 403 with a firewall's HTML page", {}),
    ("empty_body", "HTTP 200 with an empty body", {}),
    ("truncated_json", "HTTP 200 with JSON that breaks off", {}),
    ("answer_lost", "the connection is closed without an answer", {}),
    ("hang", "the right answer, so many seconds late", {"seconds": 10.0}),
)


def _transport(stage: str, *, alone: bool = False) -> tuple[FaultKind, ...]:
    return tuple(
        FaultKind(f"{stage}_{name}", stage, effect, parameters, alone=alone) for name, effect, parameters in _TRANSPORT
    )


# The names that end in _before strike before the prompt is sent, the others of their kind after it.
_PUSH = (
    FaultKind("push_500_before", "push", "HTTP 500, no prompt is sent"),
    FaultKind("push_500_after", "push", "HTTP 500, but the prompt is sent"),
    FaultKind("push_hang_before", "push", "waits, then sends the prompt and answers", {"seconds": 10.0}),
    FaultKind("push_hang_after", "push", "sends the prompt at once, answers after a wait", {"seconds": 10.0}),
    FaultKind("push_answer_lost", "push", "the prompt is sent, the connection closed without an answer"),
    FaultKind("push_empty_body", "push", "the prompt is sent, HTTP 200 has an empty body"),
    FaultKind("push_truncated_json", "push", "the prompt is sent, the JSON of the answer breaks off"),
    FaultKind("push_spike_arrest", "push", "HTTP 429 with the gateway's fault object, no prompt"),
    FaultKind("push_system_busy", "push", "HTTP 500, 500.003.02 System is busy, no prompt"),
    FaultKind("push_html_403", "push", "HTTP 403 with a firewall's HTML page, no prompt"),
    FaultKind("push_token_expired", "push", "every token ends; HTTP 404, 404.001.03 Invalid Access Token"),
    FaultKind("push_locked", "push", "HTTP 500, Unable to lock subscriber, no prompt"),
    FaultKind("push_refused_200", "push", "HTTP 200 with ResponseCode 1, no prompt and no callback"),
)

_PAYMENT = (
    FaultKind(
        "payment_result",
        "push",
        "no prompt; the payment ends with this result code, which cannot be 0",
        {"code": "1025"},
        refused_values=("0",),
    ),
)

_CALLBACK = (
    FaultKind("callback_lost", "push", "no callback is sent"),
    FaultKind("callback_doubled", "push", "the callback is sent n times", {"times": 2, "parallel": False}),
    FaultKind("callback_late", "push", "the callback is sent so many seconds late", {"seconds": 5.0}),
    FaultKind(
        "callback_early",
        "push",
        "the push is answered after the callback (or after so many seconds); needs an automatic answer",
        {"seconds": 5.0},
    ),
    FaultKind(
        "callback_reordered",
        "push",
        "the callback waits until another payment's has gone out, at most so many seconds",
        {"seconds": 5.0},
    ),
    FaultKind("callback_wrong_amount", "push", "Amount is one shilling off, or the amount given", {"amount": None}),
    FaultKind(
        "callback_foreign_receipt",
        "push",
        "MpesaReceiptNumber is that of an earlier payment, or the one given",
        {"receipt": "earlier"},
    ),
    FaultKind("callback_balance_without_value", "push", 'CallbackMetadata has {"Name": "Balance"} with no Value'),
    FaultKind("callback_masked_phone", "push", "PhoneNumber is text: 2547***678"),
    FaultKind("callback_text_code", "push", "ResultCode is text"),
    FaultKind("callback_other_shortcode", "push", "header Businessshortcode names another", {"shortcode": "600000"}),
    FaultKind(
        "callback_failure_after_success",
        "push",
        "a paid payment: success, then 1032 (seconds later)",
        {"seconds": 0.2},
    ),
    FaultKind(
        "callback_success_after_failure",
        "push",
        "a paid payment: 1032, then success (seconds later)",
        {"seconds": 0.2},
    ),
)

_QUERY = (
    FaultKind("query_in_flight", "query", "HTTP 500, The transaction is being processed"),
    FaultKind("query_empty_message", "query", "HTTP 200 with errorCode 500.001.1001 and an empty errorMessage"),
    FaultKind("query_4999", "query", "HTTP 200, ResultCode 4999, still under processing"),
    FaultKind("query_1037_in_flight", "query", "HTTP 200, ResultCode 1037 with the text still under processing"),
    FaultKind("query_empty_500", "query", "HTTP 500, 500.001.1001 without a message, also after a final answer"),
    FaultKind("query_unknown", "query", "HTTP 500, The transaction does not Exist"),
    FaultKind(
        "query_2029",
        "query",
        "HTTP 200, ResultCode 2029, if the payment is younger than so many seconds",
        {"seconds": 150.0},
    ),
    FaultKind("query_contradicting", "query", "a paid payment is reported with this code", {"code": "1032"}),
    FaultKind("query_token_expired", "query", "every token ends; HTTP 404, 404.001.03 Invalid Access Token"),
)

_OAUTH = (FaultKind("oauth_html_200", "oauth", "HTTP 200 with a portal's HTML page", alone=True),)

DARAJA_FAULTS = (
    *_PUSH,
    *_PAYMENT,
    *_CALLBACK,
    *_QUERY,
    *_transport("query"),
    *_OAUTH,
    *_transport("oauth", alone=True),
)
