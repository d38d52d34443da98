"""Reading documents, by audience."""

from collections.abc import Mapping

from django.db.models import QuerySet

from accounts.models import User
from orders.documents.models import TaxDocument
from orders.etims.models import EtimsSubmission


def may_see_documents(user: object) -> bool:
    """Tell whether somebody is staff who may see every invoice."""
    return isinstance(user, User) and user.is_staff and user.has_perm("orders.view_taxdocument")


def documents() -> QuerySet[TaxDocument]:
    """Every document with what is shown of it beside its content, in one statement; the newest first."""
    return TaxDocument.objects.select_related("order", "corrects", "etims").order_by("-issued_at", "-id")


def etims_of(document: TaxDocument) -> EtimsSubmission | None:
    return getattr(document, "etims", None)


def fiscal_facts(document: TaxDocument) -> Mapping[str, str] | None:
    """Return what the control unit has signed of a document, as it is printed; None before that."""
    submission = etims_of(document)
    if submission is None or submission.status != EtimsSubmission.Status.ACCEPTED:
        return None
    return {
        "scu_id": submission.scu_id,
        "receipt": f"{submission.scu_id}/{submission.receipt_number}".lstrip("/"),
        "signed_at": submission.signed_at.isoformat() if submission.signed_at else "",
        "internal_data": _in_groups(submission.internal_data),
        "signature": _in_groups(submission.signature),
        "qr_url": submission.qr_url,
    }


def _in_groups(text: str) -> str:
    """Return a code in groups of four: that is how receipts show it."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
