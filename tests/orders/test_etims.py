"""Declaring documents to KRA's control unit, over real HTTP against the simulator: lost answers, repeats, refusals."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from ecommerce.models import OutboxMessage
from orders.documents.models import TaxDocument
from orders.documents.pdf.tax_documents import tax_document_pdf
from orders.documents.selectors import documents, fiscal_facts
from orders.documents.services import issue_credit_note, issue_invoice
from orders.etims import services, wire
from orders.etims.exceptions import SubmissionNotOpen
from orders.etims.models import EtimsSubmission
from simulator.settings import Settings
from tests.clients import client_for
from tests.orders.documents import invoice_of, order_of
from tests.simulator.conftest import RunningSimulator

pytestmark = pytest.mark.django_db

PHONE = {"price": "11600.00", "tax": "1600.00", "name": "Phone"}
BOOK = {"price": "500.00", "quantity": 2, "tax_kind": "exempt", "tax_rate": "0", "name": "Textbook"}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    simulator = RunningSimulator(Settings())
    yield simulator
    simulator.stop()


@pytest.fixture
def unit(running, settings) -> RunningSimulator:
    """A control unit with empty books, which the shop is set to."""
    running.http.post("/control/reset")
    settings.SHOP_PIN = "P051234567Q"
    settings.ETIMS = settings.ETIMS | {
        "BASE_URL": f"{running.url}/etims",
        "BRANCH": "00",
        "DEVICE_SERIAL": "dvcv1130",
        "CMC_KEY": "simulator-cmc-key",
        "TIMEOUT": 2,
    }
    return running


def receipts(unit):
    return unit.http.get("/etims/receipts").json()["receipts"]


def strike(unit, *faults):
    assert unit.http.post("/control/faults", json={"queue": list(faults)}).status_code == 200


def come_due():
    OutboxMessage.objects.filter(done_at__isnull=True).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def state(document):
    submission = EtimsSubmission.objects.get(document=document)
    return submission.status, submission.result_code


def test_off_by_default_nothing_is_owed(settings):
    invoice = invoice_of(PHONE)

    assert settings.ETIMS["BASE_URL"] == ""
    assert (EtimsSubmission.objects.count(), documents().get(pk=invoice.pk).content) == (0, invoice.content)


def test_invoice_is_declared_and_its_signature_kept(unit, run_owed_work):
    invoice = invoice_of(PHONE, BOOK, buyer_pin="A012345678Z")
    run_owed_work()

    submission = EtimsSubmission.objects.get(document=invoice)
    (receipt,) = receipts(unit)
    assert (submission.status, submission.invoice_number) == ("accepted", 1)
    assert (submission.signature, submission.internal_data) == (receipt["rcptSign"], receipt["intrlData"])
    assert (submission.receipt_number, submission.scu_id) == (1, "KRACU0300000001")
    assert submission.qr_url.endswith(f"Data=P051234567Q00{receipt['rcptSign']}")
    sale = receipt["sale"]
    assert (sale["trdInvcNo"], sale["custTin"], sale["rcptTyCd"]) == (invoice.number, "A012345678Z", "S")
    assert (sale["taxblAmtA"], sale["taxblAmtB"], sale["taxAmtB"], sale["taxRtB"]) == (1000.0, 10000.0, 1600.0, 16.0)
    assert (sale["totTaxblAmt"], sale["totTaxAmt"], sale["totAmt"]) == (11000.0, 1600.0, 12600.0)


def test_signed_copy_is_served_and_the_document_is_as_it_was(unit, run_owed_work):
    order = order_of(PHONE)
    invoice = issue_invoice(order.pk)
    before = client_for(order.user).get(f"/api/orders/{order.pk}/invoice/").content

    run_owed_work()
    answer = client_for(order.user).get(f"/api/orders/{order.pk}/invoice/")
    told = client_for(order.user).get(f"/api/orders/{order.pk}/invoice/", headers={"Accept": "application/json"})

    assert before != answer.content
    assert answer.content == tax_document_pdf(invoice.content, fiscal_facts(documents().get(pk=invoice.pk)))
    assert (told.json()["etims"]["status"], told.json()["content"]) == ("accepted", invoice.content)


@pytest.mark.parametrize(
    "fault",
    [
        "etims_sale_answer_lost",
        "etims_sale_500_after",
        "etims_sale_truncated_json",
        "etims_sale_empty_body",
        "etims_sale_unsigned",
        {"fault": "etims_sale_hang_after", "seconds": 3},
        "etims_sale_500_before",
        "etims_sale_key_refused",
        {"fault": "etims_sale_code", "code": "999"},
    ],
)
def test_without_a_whole_answer_it_is_sent_again_and_declared_once(unit, run_owed_work, fault):
    invoice = invoice_of(PHONE)
    strike(unit, fault)

    run_owed_work()
    assert state(invoice)[0] == "pending"
    come_due()
    run_owed_work()

    assert state(invoice)[0] == "accepted"
    (receipt,) = receipts(unit)
    assert EtimsSubmission.objects.get().signature == receipt["rcptSign"]


def test_known_without_its_receipt_waits_for_a_person(unit, run_owed_work):
    invoice = invoice_of(PHONE)
    strike(unit, "etims_sale_answer_lost", "etims_sale_bare_repeat")

    run_owed_work()
    come_due()
    run_owed_work()

    assert state(invoice) == ("registered", "994")
    assert (len(receipts(unit)), fiscal_facts(documents().get())) == (1, None)
    assert not OutboxMessage.objects.filter(topic="orders.submit_to_etims", done_at__isnull=True).exists()


def test_refused_waits_for_a_person_who_sends_it_again(unit, run_owed_work):
    invoice = invoice_of(PHONE)
    strike(unit, {"fault": "etims_sale_code", "code": "910"})
    run_owed_work()
    assert (state(invoice), receipts(unit)) == (("refused", "910"), [])

    submission = services.resubmit(EtimsSubmission.objects.get().pk)
    run_owed_work()

    assert (state(invoice)[0], receipts(unit)[0]["id"]) == ("accepted", str(submission.invoice_number))
    with pytest.raises(SubmissionNotOpen):
        services.resubmit(submission.pk)


def test_sent_again_by_any_message_it_is_declared_once(unit, run_owed_work):
    invoice_of(PHONE)
    run_owed_work()
    submission = EtimsSubmission.objects.get()

    services.submit(submission.pk)
    EtimsSubmission.objects.update(status="pending", signature="")
    services.submit(submission.pk)

    assert len(receipts(unit)) == 1
    submission.refresh_from_db()
    assert (submission.status, submission.result_code) == ("accepted", "994")


def test_they_go_one_after_the_other(unit, run_owed_work):
    first, second = invoice_of(PHONE), invoice_of(PHONE)
    strike(unit, {"fault": "etims_sale_500_before", "count": 1})

    run_owed_work()
    assert (state(first)[0], state(second)[0], receipts(unit)) == ("pending", "pending", [])
    come_due()
    run_owed_work()

    assert [receipt["sale"]["trdInvcNo"] for receipt in receipts(unit)] == [first.number, second.number]


def test_credit_note_names_its_invoice(unit, run_owed_work):
    invoice = invoice_of(PHONE)
    note = issue_credit_note(invoice.order_id, refund_id=uuid4(), amount=Decimal("1160.00"))

    run_owed_work()

    sale = receipts(unit)[1]["sale"]
    assert (sale["rcptTyCd"], sale["orgInvcNo"], sale["totAmt"], sale["taxAmtB"]) == ("R", 1, 1160.0, 160.0)
    assert (state(note)[0], sale["trdInvcNo"]) == ("accepted", note.number)


def test_credit_note_on_an_invoice_that_was_never_declared_is_not(unit, settings):
    on = settings.ETIMS
    settings.ETIMS = on | {"BASE_URL": ""}
    invoice = invoice_of(PHONE)
    settings.ETIMS = on

    issue_credit_note(invoice.order_id, refund_id=uuid4(), amount=Decimal("1160.00"))

    assert (TaxDocument.objects.count(), EtimsSubmission.objects.count()) == (2, 0)


def test_numbers_are_the_device_s_own_and_without_gaps(unit):
    for _ in range(3):
        invoice_of(PHONE)

    assert list(EtimsSubmission.objects.order_by("invoice_number").values_list("invoice_number", flat=True)) == [
        1,
        2,
        3,
    ]
    assert {submission.device for submission in EtimsSubmission.objects.all()} == {"P051234567Q/00/dvcv1130"}


DEVICE = wire.Device("P051234567Q", "00", "dvcv1130", "key")
DATA = {"curRcptNo": "7", "intrlData": "EAHS", "rcptSign": "QUII", "sdcDateTime": "20261121121600"}


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, {"resultCd": "000", "data": DATA}, wire.Verdict.ACCEPTED),
        (200, {"resultCd": "00", "data": DATA}, wire.Verdict.ACCEPTED),
        (200, {"resultCd": "000", "data": None}, wire.Verdict.UNKNOWN),
        (200, {"resultCd": "000", "data": DATA | {"rcptSign": ""}}, wire.Verdict.UNKNOWN),
        (200, {"resultCd": "000", "data": DATA | {"sdcDateTime": "soon"}}, wire.Verdict.UNKNOWN),
        (200, {"resultCd": "994", "data": None}, wire.Verdict.KNOWN),
        (200, {"resultCd": "910", "data": None}, wire.Verdict.REFUSED),
        (200, {"resultCd": "899", "data": DATA}, wire.Verdict.UNKNOWN),
        (200, {"resultCd": 0}, wire.Verdict.UNKNOWN),
        (200, [], wire.Verdict.UNKNOWN),
        (200, None, wire.Verdict.UNKNOWN),
        (302, {"resultCd": "000", "data": DATA}, wire.Verdict.UNKNOWN),
        (500, {"resultCd": "000", "data": DATA}, wire.Verdict.UNKNOWN),
    ],
)
def test_only_what_is_understood_counts(status, body, verdict):
    answer = wire.read_answer(status, body, DEVICE, own_scu_id="KRACU1")

    assert answer.verdict == verdict
    assert (answer.receipt is not None) == (verdict == wire.Verdict.ACCEPTED)
