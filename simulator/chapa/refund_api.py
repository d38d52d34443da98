"""``/v1/refund``: giving money back."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.chapa.fault_kinds import READ, REFUND, faults_of
from simulator.chapa.models import Payment
from simulator.chapa.money import read_major
from simulator.chapa.payments import Payments
from simulator.chapa.payouts import Payouts
from simulator.chapa.refunds import Refunds, initiated, reference_used, verified
from simulator.chapa.wire import WORDING, ChapaError, Fields, Handler, envelope, read_fields
from simulator.faults import Fault, FaultBox
from simulator.transport import Struck

_STARTED = "Refund initiated successfully. Processing time: 1-3 business days"


class RefundApi:
    def __init__(self, payments: Payments, refunds: Refunds, payouts: Payouts, faults: FaultBox) -> None:
        self._payments = payments
        self._refunds = refunds
        self._payouts = payouts
        self._faults = faults

    def routes(self, guard: Callable[[Handler], Handler]) -> list[Route]:
        return [
            Route("/v1/refund/{reference}", guard(self.create), methods=["POST"]),
            Route("/v1/refund/{reference}/verify", guard(self.verify), methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Refund by Chapa's reference. ``tx_ref`` in its place is refused: that it works is not documented."""
        fields = await read_fields(request)
        payment, amount = self._read(request, fields)
        struck = Struck(REFUND, self._draw(payment), WORDING)
        if instead := await struck.instead():
            return instead
        payment, amount = self._read(request, fields)  # another refund may have come meanwhile
        self._payments.count_refund(payment)
        refund = self._refunds.create(
            payment,
            amount,
            reason=_text(fields, "reason"),
            reference=_text(fields, "reference"),
            meta=fields.get("meta"),
            faults=struck.faults,
        )
        data = verified(refund) if struck.get("chapa_refund_ref_id") else initiated(refund)
        return await struck.answer(envelope(_STARTED, data))

    def _read(self, request: Request, fields: Fields) -> tuple[Payment, int]:
        """Return what is to be refunded, and how many hundredths of it.

        Raises:
            ChapaError: it is unknown, not paid, or less than that is left.
        """
        payment = self._payments.by_reference(request.path_params["reference"])
        if payment is None:
            raise ChapaError(404, "Invalid transaction reference")
        if payment.status != "success":
            raise ChapaError(400, "Only successful transactions can be refunded")
        if (reference := _text(fields, "reference")) and self._refunds.find(reference):
            raise reference_used()
        _text(fields, "reason")
        left = self._refunds.left(payment)
        if left < 1:
            raise ChapaError(400, "Transaction has already been refunded")
        amount: int | None = left
        if fields.get("amount") not in (None, ""):
            amount = read_major(fields["amount"])
        if amount is None:
            raise ChapaError(400, {"amount": ["validation.numeric"]})
        if amount > left:
            raise ChapaError(400, "Refund amount can not be greater than the transaction amount")
        if self._payouts.balance(payment.currency) < amount:
            raise ChapaError(400, "Insufficient Balance")
        return payment, amount

    def _draw(self, payment: Payment) -> tuple[Fault, ...]:
        """Return the faults that came with the payment for its first refund, else what strikes any refund."""
        attached = faults_of(REFUND, payment.faults)
        if attached and payment.refunds == 0:
            return attached
        return self._faults.draw(REFUND, reference=payment.tx_ref)

    async def verify(self, request: Request) -> Response:
        struck = Struck(READ, self._faults.draw(READ), WORDING)
        if instead := await struck.instead():
            return instead
        refund = self._refunds.find(request.path_params["reference"])
        if refund is None:
            raise ChapaError(404, "Refund not found")
        return await struck.answer(envelope("Refund verified successfully", verified(refund)))


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or len(value) > 255:
        raise ChapaError(400, {name: ["validation.string"]})
    return value
