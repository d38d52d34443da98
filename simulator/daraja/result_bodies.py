"""What is posted to ResultURL and QueueTimeOutURL, faults included.

Source: Daraja, the result of B2C, Business Pay Bill, Reversals, Transaction Status and Account Balance. The body of a
queue timeout is a guess: integrators say that it has the same form.
"""

import json
from dataclasses import dataclass
from typing import Any

from simulator.daraja import results
from simulator.daraja.identifiers import dummy_receipt_number
from simulator.daraja.models import Operation
from simulator.daraja.plans import PROVIDER, delayed, repeated
from simulator.deliveries import Callback, Plan, Step
from simulator.faults import Fault

_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}
_INTERNAL_TIMEOUT_URL = "http://internalapi.safaricom.co.ke/mpesa/results/v1/submit"

Parameter = tuple[str, Any]  # a key, which may come again, and its value; None for an entry without one


@dataclass(frozen=True)
class Outcome:
    """How an operation ended; parameters belong to a success alone."""

    result_code: str
    receipt_number: str | None = None
    parameters: tuple[Parameter, ...] = ()


def result_plan(operation: Operation, outcome: Outcome, shape: tuple[Fault, ...]) -> Plan:
    """Plan the result of a finished operation; ``shape`` are the faults that change its body."""
    struck = [fault.name for fault in (*operation.faults, *shape)]
    callback = Callback(
        operation.result_url,
        _HEADERS,
        _body(operation, outcome, {fault.name for fault in shape}),
        note=", ".join(["result", *struck]),
        lost=operation.fault("result_lost") is not None,
    )
    steps = repeated(callback, operation.fault("result_doubled"))
    return Plan(PROVIDER, operation.originator_conversation_id, tuple(delayed(steps, operation.fault("result_late"))))


def timeout_plan(operation: Operation) -> Plan:
    body = _body(operation, Outcome(results.SYSTEM_BUSY), set())
    callback = Callback(operation.timeout_url, _HEADERS, body, note="queue timeout")
    return Plan(PROVIDER, operation.originator_conversation_id, (Step((callback,)),))


def _body(operation: Operation, outcome: Outcome, shape: set[str]) -> str:
    code = outcome.result_code
    as_number = code.isascii() and code.isdecimal() and "result_text_code" not in shape
    result: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": int(code) if as_number else code,
        "ResultDesc": results.describe_result(code),
        "OriginatorConversationID": operation.originator_conversation_id,
        "ConversationID": operation.conversation_id,
        "TransactionID": outcome.receipt_number or dummy_receipt_number(operation.created_at),
    }
    if outcome.parameters:
        result["ResultParameters"] = {"ResultParameter": _parameters(outcome.parameters, shape)}
    result["ReferenceData"] = {"ReferenceItem": _reference(operation)}
    return json.dumps({"Result": result}, separators=(",", ":"))


def _parameters(parameters: tuple[Parameter, ...], shape: set[str]) -> Any:
    entries = [{"Key": key} if value is None else {"Key": key, "Value": value} for key, value in parameters]
    if "result_parameter_without_value" in shape:
        entries[-1].pop("Value", None)
    return entries[0] if "result_parameter_object" in shape else entries


def _reference(operation: Operation) -> dict[str, str] | list[dict[str, str]]:
    """Return the one reference item of a result; B2B alone has a list."""
    timeout = {"Key": "QueueTimeoutURL", "Value": _INTERNAL_TIMEOUT_URL}
    match operation.kind:
        case "status":
            return {"Key": "Occasion", "Value": operation.occasion} if operation.occasion else {"Key": "Occasion"}
        case "b2b":
            return [{"Key": "BillReferenceNumber", "Value": operation.reference}, timeout]
    return timeout
