"""What initiators ask for, from the acknowledgement to the result."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from simulator.daraja.identifiers import new_conversation_id, new_request_id
from simulator.daraja.initiator_requests import OperationRequest
from simulator.daraja.initiators import Initiators
from simulator.daraja.models import Operation, faults_as_json
from simulator.daraja.result_bodies import Outcome, result_plan, timeout_plan
from simulator.daraja.results import PROCESSED
from simulator.deliveries import Deliveries, Plan
from simulator.faults import Fault, FaultBox
from simulator.store import Store

logger = logging.getLogger(__name__)

QUEUE_TIMEOUT = "queue_timeout"  # stands in the books for a result that never came to be

# Does what was asked, inside the transaction that writes its result.
Performer = Callable[[Operation], Outcome]


class OperationUnknown(Exception):
    """No operation has this id."""


class Operations:
    """Every method runs on the event loop and never waits, so none can see another's half-done work."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        faults: FaultBox,
        initiators: Initiators,
        performers: Mapping[str, Performer],
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._faults = faults
        self._initiators = initiators
        self._performers = performers
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def is_known(self, originator_conversation_id: str) -> bool:
        query = "SELECT 1 FROM mpesa_operation WHERE originator_conversation_id = ?"
        return self._store.one(query, (originator_conversation_id,)) is not None

    def start(self, request: OperationRequest, faults: tuple[Fault, ...]) -> Operation:
        """Take a request whose id is not known yet. Call ``release`` once the merchant has his answer."""
        now = time.time()
        conversation_id = new_conversation_id(now)
        with self._store.transaction():
            decided_code = self._initiators.check(request.initiator, request.credential)
            for fault in faults:
                if fault.name.endswith("_result"):
                    decided_code = fault.parameters["code"]
            self._store.execute(
                "INSERT INTO mpesa_operation (conversation_id, originator_conversation_id, kind, command, shortcode,"
                " other_party, amount, reference, receipt, asked_conversation, remarks, occasion, result_url,"
                " timeout_url, faults, decided_code, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    conversation_id,
                    request.originator_conversation_id or new_request_id(),
                    request.kind,
                    request.command,
                    request.shortcode,
                    request.other_party,
                    request.amount,
                    request.reference,
                    request.receipt,
                    request.asked_conversation,
                    request.remarks,
                    request.occasion,
                    request.result_url,
                    request.timeout_url,
                    faults_as_json(faults),
                    decided_code,
                    now,
                ),
            )
        return self.get(conversation_id)

    def release(self, conversation_id: str) -> None:
        """Let an operation go on: do it, or let it time out in the queue first."""
        operation = self.get(conversation_id)
        if operation.status != "waiting":
            return
        if operation.timed_out_at is not None:  # a stopped simulator has said so already
            self._perform(conversation_id)
        elif late := operation.fault("queue_timeout_then_success"):
            self._time_out(operation, lost=False)
            self._timers[conversation_id] = asyncio.get_running_loop().call_later(
                late.parameters["seconds"], self._perform, conversation_id
            )
        elif operation.fault("queue_timeout"):
            self._time_out(operation, lost=True)
        else:
            self._perform(conversation_id)

    def _time_out(self, operation: Operation, *, lost: bool) -> None:
        """Tell the QueueTimeOutURL. A lost operation is never done and never reported."""
        plan = timeout_plan(operation)
        now = time.time()
        with self._store.transaction():
            self._store.execute(
                "UPDATE mpesa_operation SET timed_out_at = ? WHERE conversation_id = ?",
                (now, operation.conversation_id),
            )
            if lost:
                self._store.execute(
                    "UPDATE mpesa_operation SET status = 'failed', result_code = ?, finished_at = ?"
                    " WHERE conversation_id = ?",
                    (QUEUE_TIMEOUT, now, operation.conversation_id),
                )
            delivery_ids = self._deliveries.record(plan)
        self._deliveries.start(plan, delivery_ids)

    def _perform(self, conversation_id: str) -> None:
        """Do it, write the result, report it."""
        self._timers.pop(conversation_id, None)
        operation = self.get(conversation_id)
        shape = self._faults.draw("result", operation.other_party or None)
        with self._store.transaction():
            if operation.decided_code is not None:
                outcome = Outcome(operation.decided_code)
            else:
                outcome = self._performers[operation.kind](operation)
            plan = self._write_result(operation, outcome, shape)
            delivery_ids = self._deliveries.record(plan)
        self._deliveries.start(plan, delivery_ids)

    def _write_result(self, operation: Operation, outcome: Outcome, shape: tuple[Fault, ...]) -> Plan:
        self._store.execute(
            "UPDATE mpesa_operation SET status = ?, result_code = ?, receipt_number = ?, finished_at = ?"
            " WHERE conversation_id = ?",
            (
                "successful" if outcome.result_code == PROCESSED else "failed",
                outcome.result_code,
                outcome.receipt_number,
                time.time(),
                operation.conversation_id,
            ),
        )
        return result_plan(operation, outcome, shape)

    def resume(self) -> None:
        """Take up the operations that a stopped simulator left waiting."""
        for row in self._store.all("SELECT conversation_id FROM mpesa_operation WHERE status = 'waiting'"):
            self.release(row["conversation_id"])

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # --- reading

    def get(self, conversation_id: str) -> Operation:
        """Raises: OperationUnknown."""
        row = self._store.one("SELECT * FROM mpesa_operation WHERE conversation_id = ?", (conversation_id,))
        if row is None:
            raise OperationUnknown
        return Operation.from_row(row)

    def of_kinds(self, *kinds: str) -> list[Operation]:
        """Return the operations of some kinds, oldest first."""
        rows = self._store.all("SELECT * FROM mpesa_operation ORDER BY rowid")
        return [Operation.from_row(row) for row in rows if row["kind"] in kinds]

    def clear(self) -> None:
        self.stop()
        self._store.execute("DELETE FROM mpesa_operation")
