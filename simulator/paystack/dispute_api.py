"""``/dispute``: what the merchant asks and answers."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.documents import Document
from simulator.faults import FaultBox
from simulator.paystack.disputes import WAITS_FOR_MERCHANT, Disputes
from simulator.paystack.fault_kinds import READ
from simulator.paystack.validation import read_amount, text_of
from simulator.paystack.wire import (
    WORDING,
    Fields,
    Handler,
    PaystackError,
    envelope,
    invalid,
    not_found,
    page_of,
    read_fields,
)
from simulator.transport import Struck

_EVIDENCE = ("customer_email", "customer_name", "customer_phone", "service_details")


class DisputeApi:
    def __init__(self, disputes: Disputes, faults: FaultBox) -> None:
        self._disputes = disputes
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            Route("/dispute", guard(self.list_all), methods=["GET"]),
            Route("/dispute/transaction/{id}", guard(self.of_transaction), methods=["GET"]),
            Route("/dispute/{id}", guard(self.fetch), methods=["GET"]),
            Route("/dispute/{id}", guard(self.update), methods=["PUT"]),
            Route("/dispute/{id}/resolve", guard(self.resolve), methods=["PUT"]),
            Route("/dispute/{id}/evidence", guard(self.add_evidence), methods=["POST"]),
            Route("/dispute/{id}/upload_url", guard(self.upload_url), methods=["GET"]),
        ]

    async def list_all(self, request: Request) -> Response:
        """List disputes, newest first, by ``status, transaction`` (id), ``from, to``."""
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        asked = request.query_params
        rows = [
            row
            for row in self._disputes.listing()
            if asked.get("status", row["status"]) == row["status"]
            and asked.get("from", "") <= row["created_at"] <= asked.get("to", "9")
        ]
        if wanted := asked.get("transaction"):
            rows = [row for row in rows if str(self._disputes.transaction(row).id) == wanted]
        return await struck.answer(page_of(request, rows, self._disputes.shown, "Disputes retrieved"))

    async def of_transaction(self, request: Request) -> Response:
        wanted: str = request.path_params["id"]
        for dispute in self._disputes.listing():
            if str(self._disputes.transaction(dispute).id) == wanted:
                return envelope("Dispute retrieved successfully", self._disputes.shown(dispute))
        raise not_found("Dispute not found")

    async def fetch(self, request: Request) -> Response:
        return envelope("Dispute retrieved", self._disputes.shown(self._dispute(request)))

    async def update(self, request: Request) -> Response:
        dispute = self._waiting(request)
        amount = self._amount(dispute, (await read_fields(request)).get("refund_amount"))
        updated = self._disputes.set_refund_amount(dispute, amount)
        return envelope("Dispute updated successfully", [self._disputes.shown(updated)])

    async def resolve(self, request: Request) -> Response:
        fields = await read_fields(request)
        dispute = self._waiting(request)
        resolution = text_of(fields, "resolution", required=True)
        if resolution not in ("merchant-accepted", "declined"):
            raise invalid("Invalid resolution passed", "Use merchant-accepted or declined")
        message = text_of(fields, "message", required=True)
        text_of(fields, "uploaded_filename", required=True)
        amount = self._amount(dispute, fields.get("refund_amount"))
        resolved = self._disputes.resolve(dispute, resolution=resolution, message=message, amount=amount)
        return envelope("Dispute successfully resolved", self._disputes.shown(resolved))

    async def add_evidence(self, request: Request) -> Response:
        fields = await read_fields(request)
        dispute = self._waiting(request)
        evidence: Fields = {name: text_of(fields, name, required=True) for name in _EVIDENCE}
        for name in ("delivery_address", "delivery_date"):
            evidence[name] = text_of(fields, name) or None
        return envelope("Evidence created", self._disputes.add_evidence(dispute, evidence))

    async def upload_url(self, request: Request) -> Response:
        dispute = self._dispute(request)
        name = request.query_params.get("upload_filename")
        if not name:
            raise invalid("upload_filename is required")
        data = {
            "signedUrl": f"https://uploads.example.com/{dispute['id']}/{name}?signature=x",
            "fileName": f"{dispute['id']}-{name}",
        }
        return envelope("Upload url generated", data)

    def _dispute(self, request: Request) -> Document:
        dispute = self._disputes.get(request.path_params["id"])
        if dispute is None:
            raise not_found("Dispute not found")
        return dispute

    def _waiting(self, request: Request) -> Document:
        dispute = self._dispute(request)
        if dispute["status"] != WAITS_FOR_MERCHANT:
            raise PaystackError(422, "Dispute is not awaiting merchant feedback", "invalid_params")
        return dispute

    def _amount(self, dispute: Document, value: Any) -> int:
        amount = read_amount(value, "Invalid refund amount")
        if amount > self._disputes.transaction(dispute).amount:
            raise invalid("Invalid refund amount", "It cannot be more than the transaction's")
        return amount
