"""Declaring documents to the tax authority: owed with the document, sent until the control unit has answered.

A document is sent under the same number each time, so that it is declared once however often it arrives. No lock is
held while the control unit is asked. They go one after the other, in the order of their numbers.
"""

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from ecommerce.outbox import Postpone
from orders.documents.models import TaxDocument
from orders.documents.numbering import take_number
from orders.etims import client, wire
from orders.etims.exceptions import SubmissionNotOpen
from orders.etims.models import EtimsSubmission
from orders.tasks import submit_to_etims

logger = logging.getLogger(__name__)

Status = EtimsSubmission.Status
CURRENCY = "KES"  # the control unit knows no other
SHORTEST, LONGEST = timedelta(seconds=30), timedelta(hours=1)


def device() -> wire.Device:
    unit = settings.ETIMS
    return wire.Device(settings.SHOP_PIN, unit["BRANCH"], unit["DEVICE_SERIAL"], unit["CMC_KEY"])


def owe_submission(document: TaxDocument) -> EtimsSubmission | None:
    """Owe a new document to the tax authority, in the transaction that issues it.

    None when eTIMS is off, for other currencies, and for credit notes on invoices that were never declared.
    """
    if not settings.ETIMS["BASE_URL"] or document.currency != CURRENCY:
        return None
    if document.corrects_id and not EtimsSubmission.objects.filter(document_id=document.corrects_id).exists():
        return None
    unit = str(device())
    submission = EtimsSubmission.objects.create(
        document=document, device=unit, invoice_number=take_number(f"etims {unit}")
    )
    submit_to_etims.owe(f"etims:{submission.pk}", submission_id=str(submission.pk))
    return submission


def submit(submission_id: UUID) -> None:
    """Declare one document. Called by a worker; a repeat of what is done does nothing.

    Raises:
        Postpone: there is no answer that can be understood, or one before it waits.
    """
    submission = EtimsSubmission.objects.select_related("document__corrects__etims").get(pk=submission_id)
    if submission.status != Status.PENDING:
        return
    unit = device()
    if not settings.ETIMS["BASE_URL"] or str(unit) != submission.device:
        raise Postpone(LONGEST, "the control unit that it belongs to is not set")
    _wait_for_others(submission)
    EtimsSubmission.objects.filter(pk=submission_id).update(tries=F("tries") + 1)
    corrected = submission.document.corrects.etims.invoice_number if submission.document.corrects else 0
    request = wire.sale_of(
        submission.document.content,
        invoice_number=submission.invoice_number,
        corrected_number=corrected,
        item_class=settings.ETIMS["ITEM_CLASS"],
    )
    try:
        status, body = client.post(wire.SALES_PATH, request, wire.headers_of(unit))
    except client.ControlUnitSilent as silence:
        answer = wire.Answer(wire.Verdict.UNKNOWN, detail=str(silence))
    else:
        answer = wire.read_answer(status, body, unit, own_scu_id=settings.ETIMS["SCU_ID"])
    settled = settle(submission_id, answer)
    if settled.status == Status.PENDING:
        pause = min(LONGEST, SHORTEST * 2 ** min(settled.tries, 10))
        raise Postpone(pause, f"eTIMS: {answer.code} {answer.detail}"[:200])


@transaction.atomic
def settle(submission_id: UUID, answer: wire.Answer) -> EtimsSubmission:
    """Keep what the control unit has said. What was signed stays signed, whatever is said later."""
    submission = EtimsSubmission.objects.select_for_update(no_key=True).get(pk=submission_id)
    # A signature that comes after the news that it is known is still worth having.
    is_open = submission.status == Status.PENDING or (submission.status == Status.REGISTERED and answer.receipt)
    if not is_open:
        return submission
    submission.result_code, submission.result_detail = answer.code, answer.detail
    if answer.receipt is not None and answer.verdict in (wire.Verdict.ACCEPTED, wire.Verdict.KNOWN):
        receipt = answer.receipt
        submission.status = Status.ACCEPTED
        submission.receipt_number, submission.signed_at = receipt.number, receipt.signed_at
        submission.internal_data, submission.signature = receipt.internal_data, receipt.signature
        submission.scu_id = receipt.scu_id
        submission.qr_url = _qr_url(receipt.signature)
    elif answer.verdict == wire.Verdict.KNOWN:
        submission.status = Status.REGISTERED
    elif answer.verdict == wire.Verdict.REFUSED:
        submission.status = Status.REFUSED
    submission.save()
    if submission.status in (Status.REFUSED, Status.REGISTERED):
        extra = {"submission_id": str(submission.pk), "code": answer.code}
        logger.error("etims_needs_person", extra=extra)
    if submission.status != Status.PENDING:
        _wake_next(submission)
    return submission


@transaction.atomic
def resubmit(submission_id: UUID) -> EtimsSubmission:
    """Owe a refused document again, under its number: what was wrong (a class code, a key) has been put right.

    Raises:
        SubmissionNotOpen: it was not refused.
    """
    submission = EtimsSubmission.objects.select_for_update(no_key=True).get(pk=submission_id)
    if submission.status != Status.REFUSED:
        raise SubmissionNotOpen()
    submission.status = Status.PENDING
    submission.save(update_fields=["status", "updated_at"])
    key = f"etims:{submission.pk}:{submission.tries}"
    submit_to_etims.owe(key, submission_id=str(submission.pk))
    return submission


def _wait_for_others(submission: EtimsSubmission) -> None:
    """Let the numbers before go first, and a credit note after its invoice.

    Raises:
        Postpone: one of them has no answer yet.
    """
    earlier = EtimsSubmission.objects.filter(device=submission.device, status=Status.PENDING)
    if earlier.filter(invoice_number__lt=submission.invoice_number).exists():
        raise Postpone(SHORTEST, "one before it waits")
    invoice = submission.document.corrects
    if invoice is not None and invoice.etims.status not in EtimsSubmission.DONE:
        raise Postpone(LONGEST, "its invoice was refused")


def _wake_next(submission: EtimsSubmission) -> None:
    """Let the one that waited for this one go now, and not at its next turn."""
    waiting = EtimsSubmission.objects.filter(device=submission.device, status=Status.PENDING)
    following = waiting.order_by("invoice_number").first()
    if following is not None:
        key = f"etims:{following.pk}:after:{submission.invoice_number}"
        submit_to_etims.owe(key, submission_id=str(following.pk))


def _qr_url(signature: str) -> str:
    return f"{settings.ETIMS['QR_URL']}{settings.SHOP_PIN}{settings.ETIMS['BRANCH']}{signature}"[:300]
