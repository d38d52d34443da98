"""How long log-ins are kept that have ended."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import RefreshSession
from accounts.sessions.models import BrowserSession
from ecommerce.retention import rule_of_rows

KEPT = timedelta(days=1)  # after its end; longer than any access token of a family that has ended


def _ended_refresh_sessions() -> QuerySet[RefreshSession]:
    """An expired refresh token proves nothing any more.

    One that was revoked stays while its family has others: it is the mark that the family has ended.
    """
    before = Now() - KEPT
    younger = RefreshSession.objects.filter(family=OuterRef("family"), expires_at__gte=before)
    return RefreshSession.objects.filter(Q(revoked_at__isnull=True) | ~Exists(younger), expires_at__lt=before)


def _ended_browser_sessions() -> QuerySet[BrowserSession]:
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    return BrowserSession.objects.filter(~Exists(session), created_at__lt=Now() - KEPT)


RULES = (
    rule_of_rows("refresh_sessions", _ended_refresh_sessions),
    rule_of_rows("sessions", lambda: Session.objects.filter(expire_date__lt=Now())),
    rule_of_rows("browser_sessions", _ended_browser_sessions),
)
