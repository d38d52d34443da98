"""Callback bodies, and the plan by which a finished payment's callbacks go out, faults included."""

import json
from typing import Any

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.models import Payment
from simulator.deliveries import Callback, Plan, Step
from simulator.faults import Fault

PROVIDER = "daraja"
_AMOUNT = "__amount__"  # stands for 1500.00, which json cannot write as a number with two places


def callback_plan(payment: Payment, *, foreign_receipt: str) -> Plan:
    """Plan the callbacks of a finished payment. ``foreign_receipt`` serves the fault of that name."""
    struck = {fault.name: fault for fault in payment.faults}
    truth = _callback(payment, str(payment.result_code), struck, foreign_receipt)
    steps = [*_repeated(truth, struck.get("callback_doubled"))]
    failure = _callback(payment, results.CANCELLED, struck, foreign_receipt, note="not what happened")
    if payment.result_code == results.PROCESSED:
        if later := struck.get("callback_failure_after_success"):
            steps.append(Step((failure,), later.parameters["seconds"]))
        elif later := struck.get("callback_success_after_failure"):
            first = Step(steps[0].callbacks, later.parameters["seconds"])
            steps = [Step((failure,)), first, *steps[1:]]
    if late := struck.get("callback_late"):
        steps[0] = Step(steps[0].callbacks, late.parameters["seconds"])
    reordered = struck.get("callback_reordered")
    return Plan(
        PROVIDER,
        payment.checkout_request_id,
        tuple(steps),
        overtake_seconds=reordered.parameters["seconds"] if reordered else None,
    )


def _repeated(callback: Callback, doubled: Fault | None) -> list[Step]:
    if doubled is None:
        return [Step((callback,))]
    times: int = doubled.parameters["times"]
    if doubled.parameters["parallel"]:
        return [Step((callback,) * times)]
    return [Step((callback,))] * times


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
