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

# They come with a push, so they stay with its payment.
_FORGED = tuple(
    FaultKind(
        name,
        "push",
        f"{effect}, so many seconds after the push or, with after_failure, after the payment has failed",
        {"seconds": 0.2, "after_failure": False},
    )
    for name, effect in (
        ("callback_forged", "also a made-up success"),
        ("callback_forged_url", "also a made-up success, to an address with a wrong secret as its last segment"),
    )
)
_C2B_OF_PUSH = (
    FaultKind("c2b_before_callback", "push", "the C2B confirmation goes out before the callback"),
    FaultKind(
        "c2b_without_stk",
        "push",
        "a stranger pays as well, out of the blue: at the till, or by paybill with the push's own (same) or any other"
        " account; the push's amount, or the one given",
        {"amount": None, "account": "none"},
    ),
)

_C2B = (
    FaultKind("c2b_confirmation_lost", "c2b", "no confirmation is sent"),
    FaultKind("c2b_confirmation_doubled", "c2b", "the confirmation is sent n times", {"times": 2, "parallel": False}),
    FaultKind("c2b_confirmation_late", "c2b", "the confirmation is sent so many seconds late", {"seconds": 5.0}),
    FaultKind(
        "c2b_confirmation_wrong_amount", "c2b", "TransAmount is one shilling off, or the amount given", {"amount": None}
    ),
    FaultKind("c2b_confirmation_forged", "c2b", "also one with a receipt that does not exist"),
)


def _results(stage: str) -> tuple[FaultKind, ...]:
    """Return the faults of what an initiator asked for, once it is acknowledged."""
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("result", "it fails with this result code, which cannot be 0", {"code": "26"}),
        ("result_lost", "no result is sent", {}),
        ("result_late", "the result is sent so many seconds late", {"seconds": 5.0}),
        ("result_doubled", "the result is sent n times", {"times": 2, "parallel": False}),
        ("queue_timeout", "the QueueTimeOutURL is told; it is never done, and no result comes", {}),
        (
            "queue_timeout_then_success",
            "the QueueTimeOutURL is told; so many seconds later it is done after all, with a result",
            {"seconds": 1.0},
        ),
    )
    return tuple(
        FaultKind(
            f"{stage}_{name}", stage, effect, parameters, refused_values=("0",) if name == "result" else (), alone=True
        )
        for name, effect, parameters in kinds
    )


def _money(stage: str) -> tuple[FaultKind, ...]:
    """Return the faults of the answer to a request that moves money."""
    kinds: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("500_before", "HTTP 500, nothing is done", {}),
        ("500_after", "HTTP 500, but it is done", {}),
        ("hang_before", "waits, then does it and answers", {"seconds": 10.0}),
        ("hang_after", "does it at once, answers after a wait", {"seconds": 10.0}),
        ("answer_lost", "it is done, the connection closed without an answer", {}),
        ("empty_body", "it is done, HTTP 200 has an empty body", {}),
        ("truncated_json", "it is done, the JSON of the answer breaks off", {}),
        ("spike_arrest", "HTTP 429 with the gateway's fault object, nothing is done", {}),
        ("system_busy", "HTTP 500, 500.003.02 System is busy, nothing is done", {}),
        ("html_403", "HTTP 403 with a firewall's HTML page, nothing is done", {}),
    )
    return tuple(FaultKind(f"{stage}_{name}", stage, effect, params, alone=True) for name, effect, params in kinds)


def _token_expired(stage: str) -> FaultKind:
    return FaultKind(f"{stage}_token_expired", stage, "every token ends; the token is refused", alone=True)


_B2C = (
    *_money("b2c"),
    _token_expired("b2c"),
    FaultKind(
        "b2c_duplicate",
        "b2c",
        "it is done, but answered with 500.002.1001 Duplicate OriginatorConversationID",
        alone=True,
    ),
    *_results("b2c"),
)
_REVERSAL = (*_money("reversal"), _token_expired("reversal"), *_results("reversal"))
_STATUS = (*_transport("status", alone=True), _token_expired("status"), *_results("status"))
_BALANCE = (*_transport("balance", alone=True), _token_expired("balance"), *_results("balance"))
_PULL = (
    *_transport("pull", alone=True),
    _token_expired("pull"),
    FaultKind("pull_keys_with_blanks", "pull", "Response Status instead of ResponseStatus, and so on", alone=True),
)
_RESULT = (
    FaultKind("result_parameter_object", "result", "ResultParameter is the first entry instead of a list", alone=True),
    FaultKind("result_parameter_without_value", "result", "the last entry has no Value", alone=True),
    FaultKind("result_text_code", "result", "ResultCode is text", alone=True),
)

DARAJA_FAULTS = (
    *_PUSH,
    *_PAYMENT,
    *_CALLBACK,
    *_FORGED,
    *_C2B_OF_PUSH,
    *_QUERY,
    *_transport("query"),
    *_OAUTH,
    *_transport("oauth", alone=True),
    *_C2B,
    *_B2C,
    *_REVERSAL,
    *_STATUS,
    *_BALANCE,
    *_PULL,
    *_RESULT,
)
