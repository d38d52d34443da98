"""Callback bodies, and the plans by which a finished payment's callbacks go out, faults included."""

import json
import secrets
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.identifiers import new_receipt_number
from simulator.daraja.models import Payment
from simulator.daraja.plans import PROVIDER, delayed, merged, repeated
from simulator.deliveries import Callback, Plan, Step
from simulator.faults import Fault

_AMOUNT = "__amount__"  # stands for 1500.00, which json cannot write as a number with two places


def callback_plans(payment: Payment, *, foreign_receipt: str, confirmations: tuple[Step, ...]) -> tuple[Plan, ...]:
    """Plan what a finished payment sends: its callbacks and, where C2B addresses are registered, ``confirmations``.

    ``foreign_receipt`` serves the fault of that name.
    """
    struck = {fault.name: fault for fault in payment.faults}
    truth = _callback(payment, str(payment.result_code), struck, foreign_receipt)
    steps = repeated(truth, struck.get("callback_doubled"))
    failure = _callback(payment, results.CANCELLED, struck, foreign_receipt, note="not what happened")
    if payment.result_code == results.PROCESSED:
        if later := struck.get("callback_failure_after_success"):
            steps.append(Step((failure,), later.parameters["seconds"]))
        elif later := struck.get("callback_success_after_failure"):
            first = Step(steps[0].callbacks, later.parameters["seconds"])
            steps = [Step((failure,)), first, *steps[1:]]
    steps = delayed(steps, struck.get("callback_late"))
    if payment.result_code != results.PROCESSED:
        steps = [*merged(steps, forged_steps(payment, after_failure=True))]
    payment_id = payment.checkout_request_id
    if reordered := struck.get("callback_reordered"):
        callbacks = Plan(PROVIDER, payment_id, tuple(steps), overtake_seconds=reordered.parameters["seconds"])
        return (callbacks, Plan(PROVIDER, payment_id, confirmations)) if confirmations else (callbacks,)
    if "c2b_before_callback" in struck:
        return (Plan(PROVIDER, payment_id, merged(confirmations, steps)),)
    return (Plan(PROVIDER, payment_id, merged(steps, confirmations)),)


def forged_steps(payment: Payment, *, after_failure: bool) -> tuple[Step, ...]:
    """Return the made-up successes that faults add, while the payment waits or after it has failed."""
    steps: tuple[Step, ...] = ()
    for fault in payment.faults:
        if fault.name not in ("callback_forged", "callback_forged_url"):
            continue
        if fault.parameters["after_failure"] != after_failure:
            continue
        now = time.time()
        lie = replace(payment, receipt_number=new_receipt_number(now), finished_at=now)
        if fault.name == "callback_forged_url":
            lie = replace(lie, callback_url=_with_another_secret(payment.callback_url))
        callback = _callback(lie, results.PROCESSED, {}, "", note=fault.name)
        steps = merged(steps, (Step((callback,), fault.parameters["seconds"]),))
    return steps


def _with_another_secret(url: str) -> str:
    """Replace the last segment of an address's path by as many other characters."""
    path = urlsplit(url).path
    secret = path.rstrip("/").rpartition("/")[2]
    if not secret:
        return url
    before, _, after = url.rpartition(secret)
    return f"{before}{secrets.token_hex(len(secret))[: len(secret)]}{after}"


def _callback(payment: Payment, code: str, struck: dict[str, Fault], foreign_receipt: str, note: str = "") -> Callback:
    stk: dict[str, Any] = {
        "MerchantRequestID": payment.merchant_request_id,
        "CheckoutRequestID": payment.checkout_request_id,
        "ResultCode": code if "callback_text_code" in struck or not _is_number(code) else int(code),
        "ResultDesc": results.describe_result(code),
    }
    amount = payment.amount
    if code == results.PROCESSED:
        if wrong := struck.get("callback_wrong_amount"):
            amount = wrong.parameters["amount"] or (amount - 1 if amount > 1 else 2)
        stk["CallbackMetadata"] = {"Item": _metadata(payment, struck, foreign_receipt)}
    body = json.dumps({"Body": {"stkCallback": stk}}, separators=(",", ":"))
    shortcode = payment.shortcode
    if other := struck.get("callback_other_shortcode"):
        shortcode = other.parameters["shortcode"]
    return Callback(
        url=payment.callback_url,
        headers={"Content-Type": "application/json;charset=UTF-8", "Businessshortcode": shortcode},
        body=body.replace(f'"{_AMOUNT}"', f"{amount}.00"),
        note=note or ", ".join(name for name in struck if name.startswith("callback_")),
        lost="callback_lost" in struck,
    )


def _is_number(code: str) -> bool:
    return code.isascii() and code.isdecimal()


def _metadata(payment: Payment, struck: dict[str, Fault], foreign_receipt: str) -> list[dict[str, Any]]:
    receipt = payment.receipt_number
    if foreign := struck.get("callback_foreign_receipt"):
        given: str = foreign.parameters["receipt"]
        receipt = foreign_receipt if given == "earlier" else given
    phone: int | str = int(payment.msisdn)
    if "callback_masked_phone" in struck:
        phone = f"{payment.msisdn[:4]}***{payment.msisdn[-3:]}"
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": _AMOUNT},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
    ]
    if "callback_balance_without_value" in struck:
        items.append({"Name": "Balance"})
    finished = nairobi(payment.finished_at or payment.created_at)
    items.append({"Name": "TransactionDate", "Value": int(f"{finished:%Y%m%d%H%M%S}")})
    items.append({"Name": "PhoneNumber", "Value": phone})
    return items
