"""Paystack: a hosted page for cards, bank transfers and mobile money; refunds; payouts to M-PESA.

Source: Paystack API reference. There is no idempotency header and no event id: our ``reference`` is the only guard, a
page once opened cannot be asked for again, and a failure sends no webhook, so that asking is what settles.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from ecommerce.money import whole_units
from payments import outcomes
from payments.exceptions import (
    AmountNotPayable,
    ForgedEvent,
    ProviderUnavailable,
    ProviderUnreachable,
    UnreadableEvent,
)
from payments.providers.base import (
    About,
    AttemptFacts,
    Charge,
    InitiateRequest,
    InitiateResult,
    Notice,
    PaymentProvider,
    PayoutRequest,
    ProviderResult,
    RefundRequest,
    StatementEntry,
    TransferResult,
    Verdict,
)
from payments.providers.events import event_object, fingerprint, is_signed
from payments.providers.http import Answer
from payments.providers.paystack_reading import (
    is_refund_of,
    is_untouched,
    read_movement,
    read_refund,
    read_returned,
    read_transfer,
    read_verify,
)
from payments.providers.paystack_wire import (
    PaystackClient,
    data_of,
    from_hundredths,
    id_text,
    in_path,
    is_duplicate,
    is_key_refused,
    is_rate_limited,
    is_refused,
    is_unknown_reference,
    message_of,
    to_hundredths,
)
from payments.providers.values import LARGEST, mapping, page_address, text

logger = logging.getLogger(__name__)

_CHANNELS = {"card": ["card"], "bank_transfer": ["bank_transfer"], "mobile_money": ["mobile_money"]}
# The least that may be asked for. The account must be enabled for the currency besides.
_MINIMUM = {
    "NGN": Decimal("50.00"),
    "USD": Decimal("2.00"),
    "GHS": Decimal("0.10"),
    "ZAR": Decimal("1.00"),
    "KES": Decimal("3.00"),
    "XOF": Decimal("1.00"),
}
# A failure comes by no webhook, and mobile money is decided within three minutes.
_QUERY_DELAYS = (30, 90, 200, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800)
_HALF_OPEN = timedelta(days=2)  # a transaction is listed by its start, and paid up to so much later
_KENYAN = re.compile(r"\+254([17][0-9]{8})")


class PaystackProvider(PaymentProvider):
    name = "paystack"
    methods = ("card", "bank_transfer", "mobile_money")
    redirects = True
    initiate_is_repeatable = True
    can_be_superseded = True
    sends_webhooks = True
    payout_is_repeatable = True  # ``reference`` is the transfer's idempotency key
    can_pay_out = True
    movements_listed = ("received", "refunds")

    def __init__(self) -> None:
        self._client = PaystackClient()

    # --- collecting

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        minimum = _MINIMUM.get(currency)
        if minimum is None or not amount.is_finite() or not minimum <= amount < LARGEST:
            raise AmountNotPayable()
        if currency == "XOF":
            amount = whole_units(amount)  # Paystack ignores what stands behind the point
        if amount != round(amount, 2):
            raise AmountNotPayable()
        return Charge(amount, currency)

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        """Open a page. Paystack refuses a reference that it has seen, so asking twice collects once."""
        if not request.email:
            return InitiateResult(accepted=False, outcome=outcomes.EMAIL_NEEDED, detail="no e-mail address")
        answer = self._client.post(
            "/transaction/initialize",
            {
                "email": request.email,
                "amount": to_hundredths(request.amount),
                "currency": request.currency,
                "reference": request.reference,
                "callback_url": request.return_url,
                "channels": _CHANNELS[request.method],
                "metadata": {"order": request.order_number, "cancel_action": request.return_url},
            },
        )
        data = data_of(answer)
        url = page_address(data.get("authorization_url"))
        if data.get("reference") == request.reference and url:
            return InitiateResult(
                accepted=True,
                provider_reference=text(data.get("access_code"), 100) or request.reference,
                outcome=outcomes.WAITING_ON_PAGE,
                authorization_url=url,
            )
        if is_duplicate(answer):
            return self._read_duplicate(request.reference)
        detail = message_of(answer)
        if is_rate_limited(answer):
            return InitiateResult(accepted=False, outcome=outcomes.SERVICE_BUSY, detail=detail)
        if is_refused(answer):
            outcome = outcomes.MISCONFIGURED if is_key_refused(answer) else outcomes.REFUSED
            return InitiateResult(accepted=False, outcome=outcome, detail=detail)
        raise ProviderUnavailable(f"initialize answered {answer.status}")

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        answer = self._client.get(f"/transaction/verify/{in_path(attempt.reference)}")
        return read_verify(answer, attempt, self._client.mode)

    def query_delays(self) -> tuple[int, ...]:
        return _QUERY_DELAYS

    @property
    def lifetime(self) -> timedelta | None:
        return timedelta(hours=1)  # ours: Paystack leaves a page open, and has no call that closes one

    def _read_duplicate(self, reference: str) -> InitiateResult:
        """The page was made before, and its address is lost: we ask again only while we have none to give out.

        So nobody can have it; only a trace of somebody who has used it would say otherwise.

        Raises:
            ProviderUnavailable: somebody may be paying on it.
        """
        data = data_of(self._client.get(f"/transaction/verify/{in_path(reference)}"))
        if not is_untouched(data, reference, self._client.mode):
            raise ProviderUnavailable("the reference is in use")
        return InitiateResult(accepted=False, outcome=outcomes.PAGE_LOST, detail="duplicate reference")

    # --- giving back

    def refund(self, request: RefundRequest) -> TransferResult:
        """Give money back. Paystack would do it again for the same reference: ``query_refund`` comes first."""
        answer = self._client.post(
            "/refund",
            {
                "transaction": request.receipt_number or request.payment_reference,
                "amount": to_hundredths(request.amount),
                "currency": request.currency,
                "customer_note": request.reason[:200],
                "merchant_note": f"{request.reference} for order {request.order_number}",
            },
        )
        data = data_of(answer)
        if id_text(data.get("id")):
            return read_refund(data)
        _raise_unless_refused(answer, "refund")
        # An earlier call of ours may be why it is refused: "already refunded" is no failure.
        known = self.query_refund(request)
        if known.verdict == Verdict.NEVER_SEEN:
            return TransferResult(verdict=Verdict.FAILED, code=str(answer.status), detail=message_of(answer))
        return known

    def query_refund(self, request: RefundRequest) -> TransferResult:
        if request.provider_reference:
            answer = self._client.get(f"/refund/{in_path(request.provider_reference)}")
            data = data_of(answer)
            if id_text(data.get("id")) == request.provider_reference:
                return read_refund(data)
            return TransferResult(verdict=Verdict.NO_ANSWER, code=str(answer.status), detail=message_of(answer))
        if not request.receipt_number:
            return TransferResult(verdict=Verdict.NO_ANSWER, detail="the transaction's id is not known")
        for rows in self._client.pages("/refund", transaction=request.receipt_number):
            for row in rows:
                if is_refund_of(row, request):
                    return read_refund(row)
        return TransferResult(verdict=Verdict.NEVER_SEEN)

    # --- paying out

    def pay_out(self, request: PayoutRequest) -> TransferResult:
        try:
            recipient = self._recipient(request)
        except ProviderUnavailable as error:
            raise ProviderUnreachable(str(error)) from error  # naming somebody moves no money
        if isinstance(recipient, TransferResult):
            return recipient
        answer = self._client.post(
            "/transfer",
            {
                "source": "balance",
                "amount": to_hundredths(request.amount),
                "currency": request.currency,
                "recipient": recipient,
                "reference": request.reference,
                "reason": request.reason[:100],
            },
        )
        data = data_of(answer)
        if data.get("transfer_code"):
            return read_transfer(data, request)
        _raise_unless_refused(answer, "transfer")
        known = self.query_payout(request)
        if known.verdict == Verdict.NEVER_SEEN:
            return TransferResult(verdict=Verdict.FAILED, code=str(answer.status), detail=message_of(answer))
        return known

    def query_payout(self, request: PayoutRequest) -> TransferResult:
        answer = self._client.get(f"/transfer/verify/{in_path(request.reference)}")
        data = data_of(answer)
        if data:
            return read_transfer(data, request)
        unseen = is_unknown_reference(answer) and not request.provider_reference
        verdict = Verdict.NEVER_SEEN if unseen else Verdict.NO_ANSWER
        return TransferResult(verdict=verdict, code=str(answer.status), detail=message_of(answer))

    def _recipient(self, request: PayoutRequest) -> str | TransferResult:
        """Return Paystack's code for who is paid; the same account again gives the same one."""
        phone = _KENYAN.fullmatch(request.phone_number)
        if request.currency != "KES" or phone is None:
            return TransferResult(verdict=Verdict.FAILED, code="not_kenyan", detail="only KES to a Kenyan phone")
        answer = self._client.post(
            "/transferrecipient",
            {
                "type": "mobile_money",
                "name": request.recipient_name,
                "account_number": f"0{phone[1]}",
                "bank_code": self._mpesa_code(),
                "currency": "KES",
            },
        )
        code = data_of(answer).get("recipient_code")
        if isinstance(code, str) and code:
            return code
        if is_refused(answer) and not is_key_refused(answer):
            return TransferResult(verdict=Verdict.FAILED, code=str(answer.status), detail=message_of(answer))
        raise ProviderUnavailable(f"transferrecipient answered {answer.status}")

    def _mpesa_code(self) -> str:
        """Return the code of M-PESA as the list has it; the documentation names none for sure."""
        rows = self._client.get("/bank", country="kenya", type="mobile_money", currency="KES").body.get("data")
        for row in rows if isinstance(rows, list) else ():
            name = re.sub("[^a-z]", "", text(mapping(row).get("name")).lower())
            code = mapping(row).get("code")
            if isinstance(code, str) and code and name in ("mpesa", "mpesakenya", "safaricommpesa"):
                return code
        raise ProviderUnavailable("the list of banks has no M-PESA")

    # --- hearing from it

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Webhooks are signed with the API key itself; after a change the former one is taken for a while."""
        keys = (settings.PAYSTACK["SECRET_KEY"], settings.PAYSTACK["FORMER_SECRET_KEY"])
        if not is_signed(headers.get("x-paystack-signature", ""), body, keys, "sha512"):
            raise ForgedEvent("x-paystack-signature does not fit")
        return True

    def read_webhook(self, body: bytes) -> Notice:
        event = event_object(body)
        kind, data = event.get("event"), mapping(event.get("data"))
        if not isinstance(kind, str) or not kind:
            raise UnreadableEvent("no event")
        kind = text(kind, 40)
        if kind.startswith("charge.dispute."):
            return _dispute(kind, data, body)
        if kind.startswith("charge."):
            notice = _charge(kind, data, body)
        elif kind.startswith("refund."):
            notice = _refund(kind, data, body)
        elif kind.startswith("transfer."):
            notice = _transfer(kind, data, body)
        else:
            return Notice(fingerprint(body, kind, id_text(data.get("id"))), kind, About.OTHER)
        if not notice.reference:
            raise UnreadableEvent(f"{kind} without a reference")
        return notice

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return what came in by transactions, and what went back by refunds. Transfers are not listed."""
        found: list[StatementEntry] = []
        period = {"from": (since - _HALF_OPEN).isoformat(), "to": until.isoformat()}
        for path, read in (("/transaction", read_movement), ("/refund", read_returned)):
            for rows in self._client.pages(path, **period):
                entries = (read(row) for row in rows if row.get("domain") == self._client.mode)
                found += [entry for entry in entries if entry is not None and since <= entry.at < until]
        return sorted(found, key=lambda entry: entry.at)


def _raise_unless_refused(answer: Answer, what: str) -> None:
    """Raises:
    ProviderUnreachable: it was turned away before it was looked at.
    ProviderUnavailable: nobody knows what it has done.
    """
    if is_rate_limited(answer) or is_key_refused(answer):
        raise ProviderUnreachable(f"{what} turned away with {answer.status}")
    if not is_refused(answer):
        raise ProviderUnavailable(f"{what} answered {answer.status}")


def _word(value: Any) -> str:
    return text(value, 64) if isinstance(value, str) else ""


def _charge(kind: str, data: Mapping[str, Any], body: bytes) -> Notice:
    reference, receipt = _word(data.get("reference")), id_text(data.get("id"))
    return Notice(
        event_id=fingerprint(body, kind, receipt or reference),
        kind=kind,
        about=About.PAYMENT,
        reference=reference,
        receipt_number=receipt,
        amount=from_hundredths(data.get("amount")),
    )


def _refund(kind: str, data: Mapping[str, Any], body: bytes) -> Notice:
    """Refund events name the payment and no refund of ours; ``amount`` is a number in some and text in others."""
    reference, number = _word(data.get("transaction_reference")), _word(data.get("refund_reference"))
    return Notice(
        # Without a number two refunds of one amount look alike: then only the body tells them apart.
        event_id=fingerprint(body, kind, reference, number, text(data.get("amount"))),
        kind=kind,
        about=About.REFUND,
        reference=reference,
        provider_reference=id_text(data.get("id")),
        amount=from_hundredths(data.get("amount")),
    )


def _transfer(kind: str, data: Mapping[str, Any], body: bytes) -> Notice:
    code, number = _word(data.get("transfer_code")), id_text(data.get("id"))
    return Notice(
        event_id=fingerprint(body, kind, number or code),
        kind=kind,
        about=About.PAYOUT,
        reference=_word(data.get("reference")),
        provider_reference=code,
        receipt_number=number,
        amount=from_hundredths(data.get("amount")),
    )


def _dispute(kind: str, data: Mapping[str, Any], body: bytes) -> Notice:
    """``transaction_reference`` is null in these; the transaction itself says which one it is."""
    transaction = mapping(data.get("transaction"))
    reference = _word(transaction.get("reference"))
    if not reference:
        raise UnreadableEvent(f"{kind} without a transaction")
    return Notice(
        event_id=fingerprint(body, kind, id_text(data.get("id")), text(data.get("status"))),
        kind=kind,
        about=About.DISPUTE,
        reference=reference,
        provider_reference=id_text(data.get("id")),
        receipt_number=id_text(transaction.get("id")),
        amount=from_hundredths(data.get("refund_amount")),
    )
