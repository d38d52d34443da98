"""Chapa (Ethiopia), v1: a hosted link for telebirr, bank wallets and cards; refunds; payouts in birr.

Source: Chapa developer documentation, v1. ``tx_ref``, our reference, is the only guard against collecting twice; the
answer that brings a link brings no id of Chapa's; "not paid" and "unknown" are one 404.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf
from typing import Any
from urllib.parse import quote

from django.conf import settings

from catalog.currencies.conversion import convert
from ecommerce.currencies import ISO_4217
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
from payments.providers.chapa_reading import (
    LINK_LIFETIME,
    data_of,
    has_worked,
    is_refused,
    is_used_before,
    is_whole_refund,
    message_of,
    mode_of,
    read_movement,
    read_payout,
    read_refund,
    read_verify,
    refund_id_of,
    word,
)
from payments.providers.events import event_object, fingerprint, is_signed
from payments.providers.http import Answer, ProviderHttp
from payments.providers.values import LARGEST, decimal, mapping, page_address, text

logger = logging.getLogger(__name__)

WRITE_TIMEOUT = 20.0
MAX_PAGES = 200

_QUERY_DELAYS = (30, 90, 300, 900, 1800, 3600, 3900, 7200, 21_600, 43_200, 86_400, 172_800)
_ETHIOPIAN = re.compile(r"\+251([79][0-9]{8})")
# Longer titles, and other characters in them, have been seen to be refused.
_UNSAFE_TEXT = re.compile(r"[^A-Za-z0-9_ .-]")
CURRENCIES = ("ETB", "USD")  # others are converted to the first
_WALLETS = {"9": "telebirr", "7": "mpesa"}


class ChapaProvider(PaymentProvider):
    name = "chapa"
    methods = ("mobile_money", "card")
    redirects = True
    initiate_is_repeatable = True
    can_be_superseded = True
    sends_webhooks = True
    payout_is_repeatable = True
    can_pay_out = True
    movements_listed = ("received",)

    def __init__(self) -> None:
        self._http = ProviderHttp("chapa", settings.CHAPA["BASE_URL"])
        self._mode = mode_of(settings.CHAPA["SECRET_KEY"])

    # --- collecting

    def payable_amount(self, amount: Decimal, currency: str) -> Charge:
        if currency not in ISO_4217 or not amount.is_finite() or not 0 < amount < LARGEST:
            raise AmountNotPayable()
        if currency not in CURRENCIES:
            currency, amount = CURRENCIES[0], convert(amount, currency, CURRENCIES[0], for_charging=True).amount
        if amount <= 0 or amount != round(amount, 2):
            raise AmountNotPayable()
        return Charge(amount, currency)

    def initiate(self, request: InitiateRequest) -> InitiateResult:
        """Ask for a link. Chapa refuses a reference that it has seen, so asking twice collects once."""
        title = _UNSAFE_TEXT.sub("", f"Order {request.order_number}")
        body: dict[str, Any] = {
            "amount": f"{request.amount:.2f}",
            "currency": request.currency,
            "tx_ref": request.reference,
            "callback_url": request.callback_url,
            "return_url": request.return_url,
            "customization": {"title": title[:16].strip(), "description": title[:50].strip()},
            "meta": {"order": request.order_number},
        }
        if request.email:
            body["email"] = request.email
        if phone := _ETHIOPIAN.fullmatch(request.phone_number):
            body["phone_number"] = f"0{phone[1]}"
        answer = self._write("POST", "/transaction/initialize", json=body)
        if url := page_address(data_of(answer).get("checkout_url")):
            return InitiateResult(
                accepted=True,
                provider_reference=request.reference,
                outcome=outcomes.WAITING_ON_PAGE,
                authorization_url=url,
            )
        if is_used_before(answer):
            return self._give_up_lost_link(request)
        if is_refused(answer):
            return InitiateResult(accepted=False, outcome=_why_refused(answer), detail=message_of(answer))
        raise ProviderUnavailable(f"initialize answered {answer.status}")

    def query(self, attempt: AttemptFacts) -> ProviderResult:
        return read_verify(self._verify(attempt.reference), attempt, self._mode)

    def close(self, attempt: AttemptFacts) -> None:
        self._cancel(attempt.reference)

    def query_delays(self) -> tuple[int, ...]:
        return _QUERY_DELAYS

    @property
    def lifetime(self) -> timedelta | None:
        return LINK_LIFETIME

    def _verify(self, reference: str) -> Answer:
        return self._read(f"/transaction/verify/{quote(reference, safe='')}")

    def _cancel(self, reference: str) -> bool:
        """Cancel a link; tell whether it is closed for certain.

        Raises:
            ProviderUnavailable: no answer.
        """
        answer = self._write("PUT", f"/transaction/cancel/{quote(reference, safe='')}")
        closed = "expired" in message_of(answer).lower() and (has_worked(answer) or is_refused(answer))
        if not closed and not has_worked(answer) and not is_refused(answer):
            raise ProviderUnavailable(f"cancel answered {answer.status}")
        return closed

    def _give_up_lost_link(self, request: InitiateRequest) -> InitiateResult:
        """The link was made before, and its address is lost: close it, and make sure that nobody has paid on it.

        Raises:
            ProviderUnavailable: somebody may have.
        """
        if not self._cancel(request.reference):
            raise ProviderUnavailable("the reference is in use, and its link cannot be closed")
        attempt = AttemptFacts(request.reference, "", request.amount, request.currency, request.method, inf)
        answer = self._verify(request.reference)
        unpaid = is_refused(answer) and answer.status == 404
        if not unpaid and read_verify(answer, attempt, self._mode).verdict != Verdict.FAILED:
            raise ProviderUnavailable("the reference is in use")
        return InitiateResult(accepted=False, outcome=outcomes.PAGE_LOST, detail="reference used before")

    # --- giving back

    def refund(self, request: RefundRequest) -> TransferResult:
        """Give money back. What Chapa does with a ``reference`` that it has seen is not documented."""
        if not request.receipt_number:
            return TransferResult(verdict=Verdict.FAILED, code="no_receipt", detail="Chapa's reference is not known")
        answer = self._write(
            "POST",
            f"/refund/{quote(request.receipt_number, safe='')}",
            # Form-encoded, as the documentation shows it for refunds alone.
            data={
                "amount": f"{request.amount:.2f}",
                "reason": request.reason[:200],
                "reference": request.reference,
            },
        )
        data = data_of(answer)
        if refund_id_of(data) and data.get("merchant_reference") in (None, request.reference):
            return read_refund(data)
        _raise_unless_refused(answer, "refund")
        if is_used_before(answer):
            raise ProviderUnavailable("refund: the reference was used before")
        return TransferResult(verdict=Verdict.FAILED, code=str(answer.status), detail=message_of(answer))

    def query_refund(self, request: RefundRequest) -> TransferResult:
        """Ask by Chapa's id of the refund. Without one there is no way to find it, unless it was the whole payment."""
        if request.provider_reference:
            answer = self._read(f"/refund/{quote(request.provider_reference, safe='')}/verify")
            data = data_of(answer)
            if refund_id_of(data) == request.provider_reference:
                told = read_refund(data)
            else:
                told = TransferResult(verdict=Verdict.NO_ANSWER, code=str(answer.status), detail=message_of(answer))
        else:
            told = TransferResult(
                verdict=Verdict.NO_ANSWER, needs_person=True, detail="Chapa cannot be asked by our reference"
            )
        if told.verdict == Verdict.SUCCEEDED or not (request.is_whole and request.payment_reference):
            return told
        if is_whole_refund(self._verify(request.payment_reference), request):
            return TransferResult(
                verdict=Verdict.SUCCEEDED, provider_reference=request.provider_reference, code="refunded"
            )
        return told

    # --- paying out

    def pay_out(self, request: PayoutRequest) -> TransferResult:
        phone = _ETHIOPIAN.fullmatch(request.phone_number)
        if request.currency != "ETB" or phone is None:
            return TransferResult(verdict=Verdict.FAILED, code="not_ethiopian", detail="only ETB, to Ethiopian phones")
        try:
            bank_code = self._bank_code(_WALLETS[phone[1][0]])
        except ProviderUnavailable as error:
            raise ProviderUnreachable(str(error)) from error  # nothing was asked for yet
        answer = self._write(
            "POST",
            "/transfers",
            json={
                "account_name": request.recipient_name,
                "account_number": f"0{phone[1]}",
                "amount": f"{request.amount:.2f}",
                "currency": "ETB",
                "reference": request.reference,
                "bank_code": bank_code,
            },
        )
        if has_worked(answer) and answer.body.get("data") == request.reference:
            return TransferResult(
                verdict=Verdict.IN_FLIGHT, provider_reference=request.reference, detail=message_of(answer)
            )
        # Also outside the hours in which Chapa pays out: 401, Monday to Saturday, 08:30 to 16:30 there.
        _raise_unless_refused(answer, "transfer")
        known = self._read(f"/transfers/verify/{quote(request.reference, safe='')}")
        if is_refused(known) and known.status == 404 and not is_used_before(answer):
            return TransferResult(verdict=Verdict.FAILED, code=str(answer.status), detail=message_of(answer))
        return read_payout(data_of(known), request)

    def query_payout(self, request: PayoutRequest) -> TransferResult:
        answer = self._read(f"/transfers/verify/{quote(request.reference, safe='')}")
        data = data_of(answer)
        if data:
            return read_payout(data, request)
        return TransferResult(verdict=Verdict.NO_ANSWER, code=str(answer.status), detail=message_of(answer))

    def _bank_code(self, wallet: str) -> int:
        rows = self._read("/banks").body.get("data")
        for row in rows if isinstance(rows, list) else ():
            name, code = re.sub("[^a-z]", "", text(mapping(row).get("name")).lower()), mapping(row).get("id")
            if name.startswith(wallet) and isinstance(code, int) and mapping(row).get("is_mobilemoney") == 1:
                return code
        raise ProviderUnavailable(f"the list of banks has no {wallet}")

    # --- hearing from it

    def check_webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Take only a signature of the payload for proof.

        ``chapa-signature`` is a constant of the merchant, not of the body: whoever saw one can put it on anything. It
        is a hint, worth a question to Chapa. Which bytes ``x-chapa-signature`` covers is not documented: those that
        were sent, or the JSON written anew without spaces.
        """
        secret = settings.CHAPA["WEBHOOK_SECRET"]
        signed, plain = headers.get("x-chapa-signature", ""), headers.get("chapa-signature", "")
        compact = _compact(body)
        matches = {
            "raw": is_signed(signed, body, [secret], "sha256"),
            "compact": compact is not None and is_signed(signed, compact, [secret], "sha256"),
            "custom": is_signed(plain, body, [secret], "sha256"),
            "constant": is_signed(plain, secret.encode(), [secret], "sha256"),
        }
        matched = [name for name, fits in matches.items() if fits]
        if not matched:
            raise ForgedEvent("no signature of Chapa's fits")
        logger.info("chapa_signature", extra={"matched": matched[0]})
        return matched[0] != "constant"

    def read_webhook(self, body: bytes) -> Notice:
        """Read an event; it is flat, without ``data``, and ``type`` tells payments on our links from other things."""
        event = event_object(body)
        kind = event.get("event")
        if not isinstance(kind, str) or not kind:
            raise UnreadableEvent("no event")
        kind = text(kind, 40)
        about = _about(kind) if event.get("type") in (None, "API", "Payout") else About.OTHER
        reference = _word(event.get("reference" if about == About.PAYOUT else "tx_ref"))
        if about != About.OTHER and not reference:
            raise UnreadableEvent(f"{kind} without a reference")
        own = _word(event.get("chapa_reference" if about == About.PAYOUT else "reference"))
        return Notice(
            # Two refunds in part of one payment differ in nothing but the amount.
            event_id=fingerprint(
                body,
                kind,
                reference or own,
                word(event.get("status")),
                _word(event.get("updated_at")),
                text(event.get("amount"), 20),
            ),
            kind=kind,
            about=about,
            reference=reference,
            provider_reference=own if about == About.PAYOUT else reference,
            receipt_number=own,
            amount=decimal(event.get("amount")),
        )

    def list_movements(self, since: datetime, until: datetime) -> Sequence[StatementEntry]:
        """Return what came in. The list has no filter by time and no promised order: it is read to its end."""
        found: list[StatementEntry] = []
        for page in range(1, MAX_PAGES + 1):
            data = data_of(self._read("/transactions", page=page))
            rows, pagination = data.get("transactions"), mapping(data.get("pagination"))
            if not isinstance(rows, list) or pagination.get("current_page") not in (page, str(page)):
                raise ProviderUnavailable(f"page {page} of /transactions did not come")
            entries = (read_movement(mapping(row)) for row in rows)
            found += [entry for entry in entries if entry is not None and since <= entry.at < until]
            # The address of the next page is Chapa's word; only that there is one is believed.
            if not pagination.get("next_page_url"):
                return sorted(found, key=lambda entry: entry.at)
        raise ProviderUnavailable(f"/transactions has more than {MAX_PAGES} pages")

    # --- the wire

    def _read(self, path: str, **params: Any) -> Answer:
        return self._http.send("GET", path, headers=_headers(), params=params)

    def _write(self, method: str, path: str, **kwargs: Any) -> Answer:
        return self._http.send(method, path, headers=_headers(), read_timeout=WRITE_TIMEOUT, **kwargs)


def _headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {settings.CHAPA['SECRET_KEY']}"}


def _why_refused(answer: Answer) -> outcomes.Outcome:
    message = answer.body.get("message")
    if answer.status in (401, 404):
        return outcomes.MISCONFIGURED  # the key, or "Payments through API is disabled"
    # A refusal of single fields names them; its texts vary.
    if isinstance(message, dict) and "email" in message:
        return outcomes.EMAIL_NEEDED
    return outcomes.REFUSED


def _raise_unless_refused(answer: Answer, what: str) -> None:
    """Raises:
    ProviderUnreachable: it was turned away before it was looked at.
    ProviderUnavailable: nobody knows what it has done.
    """
    if is_refused(answer) and answer.status == 401:
        raise ProviderUnreachable(f"{what} turned away: {message_of(answer)}")
    if not is_refused(answer):
        raise ProviderUnavailable(f"{what} answered {answer.status}")


def _compact(body: bytes) -> bytes | None:
    """Return JSON as JavaScript writes it anew; None for what is no JSON."""
    try:
        return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None


def _about(kind: str) -> About:
    if kind in ("charge.success", "charge.failed/cancelled", "charge.reversed"):
        return About.PAYMENT  # also taken back: only a question tells
    if kind == "charge.refunded" or kind.startswith("refund."):
        return About.REFUND
    return About.PAYOUT if kind.startswith("payout.") else About.OTHER


def _word(value: Any) -> str:
    return text(value, 64) if isinstance(value, str) else ""
