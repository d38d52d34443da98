"""Documents in the admin: to read, with what the tax authority refused sent again."""

import pytest
from django.urls import reverse

from orders.documents.services import issue_invoice
from orders.etims.models import EtimsSubmission
from tests.orders.documents import order_of

pytestmark = pytest.mark.django_db

PHONE = {"price": "11600.00", "tax": "1600.00", "name": "Phone"}


@pytest.fixture
def browser(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def invoice():
    return issue_invoice(order_of(PHONE).pk)


def refused(invoice):
    return EtimsSubmission.objects.create(document=invoice, device="d", invoice_number=1, status="refused")


def test_documents_are_listed_shown_and_never_changed(browser, invoice):
    listed = browser.get(reverse("admin:orders_taxdocument_changelist"))
    shown = browser.get(reverse("admin:orders_taxdocument_change", args=[invoice.pk]))

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert invoice.number in listed.content.decode()
    assert reverse("order-invoice", args=[invoice.order_id]) in shown.content.decode()
    assert browser.get(reverse("admin:orders_taxdocument_add")).status_code == 403
    assert browser.post(reverse("admin:orders_taxdocument_delete", args=[invoice.pk])).status_code == 403


def test_order_s_page_has_its_documents(browser, invoice):
    page = browser.get(reverse("admin:orders_order_change", args=[invoice.order_id])).content.decode()

    assert invoice.number in page


def test_refused_submission_is_sent_again(browser, invoice):
    submission = refused(invoice)

    page = browser.get(reverse("admin:orders_etimssubmission_change", args=[submission.pk]))
    browser.post(reverse("admin:orders_etimssubmission_resubmit", args=[submission.pk]), {"note": "key put right"})

    assert "Send again" in page.content.decode()
    submission.refresh_from_db()
    assert submission.status == "pending"
