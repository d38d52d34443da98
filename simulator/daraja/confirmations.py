"""C2B notices: what is sent to the ValidationURL and the ConfirmationURL, faults included.

Source: Daraja, Customer To Business; all values are text.
"""

import json
from dataclasses import dataclass, replace

from simulator.clock import nairobi
from simulator.daraja import results
from simulator.daraja.identifiers import new_receipt_number
from simulator.daraja.ledger import Ledger
from simulator.daraja.models import C2BPayment, Payment
from simulator.daraja.people import first_name, hashed_msisdn, masked_msisdn
from simulator.daraja.plans import delayed, repeated
from simulator.daraja.registrations import Registration, Registrations
from simulator.daraja.validation import BUY_GOODS as STK_BUY_GOODS
from simulator.deliveries import Callback, Step
from simulator.faults import Fault, FaultBox
from simulator.settings import DarajaSettings

PAY_BILL = "Pay Bill"
BUY_GOODS = "Buy Goods"
_HEADERS = {"Content-Type": "application/json;charset=UTF-8"}


@dataclass(frozen=True)
class Notice:
    """What a merchant is told of a payment; ``balance`` is that of his utility account, None before the payment."""

    transaction_type: str
    trans_id: str
    moment: float
    amount: int
    reference: str
    msisdn: str
    third_party_trans_id: str = ""
    balance: int | None = None

    def body(self, registration: Registration) -> str:
        show = hashed_msisdn if registration.version == 1 else masked_msisdn
        return json.dumps(
            {
                "TransactionType": self.transaction_type,
                "TransID": self.trans_id,
                "TransTime": f"{nairobi(self.moment):%Y%m%d%H%M%S}",
                "TransAmount": f"{self.amount}.00",
                "BusinessShortCode": registration.shortcode,
                "BillRefNumber": self.reference,
                "InvoiceNumber": "",
                "OrgAccountBalance": "" if self.balance is None else f"{self.balance}.00",
                "ThirdPartyTransID": self.third_party_trans_id,
                "MSISDN": show(self.msisdn),
                "FirstName": first_name(self.msisdn),
                "MiddleName": "",
                "LastName": "",
            },
            separators=(",", ":"),
        )


class Confirmations:
    def __init__(
        self, settings: DarajaSettings, registrations: Registrations, ledger: Ledger, faults: FaultBox
    ) -> None:
        self._settings = settings
        self._registrations = registrations
        self._ledger = ledger
        self._faults = faults

    def draw(self, msisdn: str, reference: str) -> tuple[Fault, ...]:
        return self._faults.draw("c2b", msisdn, reference)

    def validation(self, payment: C2BPayment, registration: Registration) -> Callback:
        notice = Notice(
            transaction_type=payment.transaction_type,
            trans_id=payment.trans_id,
            moment=payment.created_at,
            amount=payment.amount,
            reference=payment.reference,
            msisdn=payment.msisdn,
        )
        return Callback(registration.validation_url, _HEADERS, notice.body(registration), note="validation")

    def of_c2b(self, payment: C2BPayment, registration: Registration) -> tuple[Step, ...]:
        """Return what confirms a payment that a customer started. Call it once the ledger has the payment."""
        notice = Notice(
            transaction_type=payment.transaction_type,
            trans_id=payment.trans_id,
            moment=payment.finished_at or payment.created_at,
            amount=payment.amount,
            reference=payment.reference,
            msisdn=payment.msisdn,
            third_party_trans_id=payment.third_party_trans_id,
            balance=self._ledger.balances()[0],
        )
        return _steps(notice, registration, payment.faults)

    def of_push(self, payment: Payment) -> tuple[Step, ...]:
        """Return what confirms a paid STK push: Safaricom lists it among the payments that reach a ConfirmationURL.

        The push's own C2B faults strike, else whatever strikes any confirmation.
        """
        if not self._settings.c2b_for_stk or payment.result_code != results.PROCESSED:
            return ()
        registration = self._registrations.find(payment.party_b)
        if registration is None:
            return ()
        at_till = payment.transaction_type == STK_BUY_GOODS
        notice = Notice(
            transaction_type=BUY_GOODS if at_till else PAY_BILL,
            trans_id=payment.receipt_number or "",
            moment=payment.finished_at or payment.created_at,
            amount=payment.amount,
            reference="" if at_till else payment.reference,
            msisdn=payment.msisdn,
            balance=self._ledger.balances()[0],
        )
        own = tuple(fault for fault in payment.faults if fault.name.startswith("c2b_confirmation_"))
        return _steps(notice, registration, own or self.draw(payment.msisdn, payment.reference))


def _steps(notice: Notice, registration: Registration, faults: tuple[Fault, ...]) -> tuple[Step, ...]:
    struck = {fault.name: fault for fault in faults}
    told = notice
    if wrong := struck.get("c2b_confirmation_wrong_amount"):
        told = replace(notice, amount=wrong.parameters["amount"] or (notice.amount - 1 if notice.amount > 1 else 2))
    callback = Callback(
        registration.confirmation_url,
        _HEADERS,
        told.body(registration),
        note=", ".join(["confirmation", *struck]),
        lost="c2b_confirmation_lost" in struck,
    )
    steps = delayed(repeated(callback, struck.get("c2b_confirmation_doubled")), struck.get("c2b_confirmation_late"))
    if "c2b_confirmation_forged" in struck:
        lie = replace(notice, trans_id=new_receipt_number(notice.moment))
        forged = Callback(registration.confirmation_url, _HEADERS, lie.body(registration), note="forged confirmation")
        steps.append(Step((forged,)))
    return tuple(steps)
