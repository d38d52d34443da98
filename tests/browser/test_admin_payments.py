"""The work lists of payments as staff see them, on a desk and on a phone."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from payments.models import PaymentAttempt, Payout, ReceivedMoney, Refund, RefusedEvents
from tests.browser.test_admin_pages import SIZES, fits, log_in
from tests.factories import ProductFactory, UserFactory, place_order
from tests.payments.admin_rows import arrived, claimed, paid, payout_by_hand, refund_by_hand

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LISTS = [
    "payments/receivedmoney",
    "payments/refund",
    "payments/payout",
    "payments/payment",
    "payments/paymentattempt",
    "payments/ledgertransaction",
    "payments/ledgeraccount",
    "payments/statement",
    "payments/statementline",
    "payments/reconciliation",
    "payments/refusedevents",
]


@pytest.fixture
def shop(browser):
    """A shop where money waits in every way; the browser has started, so this thread may use the database."""
    UserFactory(email="admin@example.com", is_staff=True, is_superuser=True, role="admin")
    prices = ("1500.00", "21999.00", "850.00", "4200.00")
    orders = [place_order(UserFactory(), ProductFactory(price=Decimal(price))) for price in prices]
    now = timezone.now()
    arrived("UKL7K2P9QX", "1500.00", account_reference="jane shoes", received_at=now - timedelta(minutes=4))
    arrived(
        "UKL5M8D1RT",
        "20000.00",
        account_reference=orders[1].number,
        payer_phone="2547 ***** 126",
        received_at=now - timedelta(minutes=31),
    )
    arrived(
        "UKL3B6H0WZ",
        "900.00",
        account_reference=orders[2].number,
        payer_phone="254110456789",
        received_at=now - timedelta(hours=2),
    )
    claimed("UKL9X1F4GS", "3200.00", account_reference="1000099", received_at=now - timedelta(hours=5))
    payment = paid(orders[3], "UKL1C5J7VN")
    refund_by_hand(payment, "1200.00")
    payout_by_hand()
    PaymentAttempt.objects.create(
        payment=payment,
        provider="mpesa",
        method="mpesa",
        status="review",
        outcome="review",
        amount=payment.amount,
        currency="KES",
        phone_number="+254712345678",
        reference=f"{orders[3].number}-LOSTREFQ",
        result_detail="no_final_answer: read timeout",
        sent_at=now - timedelta(hours=3),
    )
    RefusedEvents.objects.create(provider="paystack", day=now.date(), reason="bad_signature", count=3)
    return orders


def open_action(page, size, name):
    if size == "phone":
        page.get_by_text("more_horiz").click()
    page.get_by_role("link", name=name).click()  # with its icon's name before it


@pytest.mark.parametrize("size", SIZES)
def test_pages_of_payments_fit_the_screen_and_complain_of_nothing(page, live_server, shop, tmp_path, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    too_wide = []

    def look(name):
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / f"{name.replace('/', '-')}-{size}.png", full_page=True)
        if not fits(page):
            too_wide.append(name)

    log_in(page, live_server)
    look("index")
    for name in LISTS:
        page.goto(f"{live_server.url}/admin/{name}/")
        look(name)
        rows = page.locator("#result_list tbody th a")
        if rows.count():
            rows.first.click()
            page.wait_for_url("**/change/**")
            look(f"{name}/change")
    attempt = PaymentAttempt.objects.get(status="review")
    for name in ("ask_provider", "note_reference", "close_review"):
        page.goto(f"{live_server.url}/admin/payments/paymentattempt/{attempt.pk}/{name}/")
        look(f"payments/paymentattempt/{name}")

    assert too_wide == []
    assert len(list(tmp_path.glob("*.png"))) >= len(LISTS) + 8


@pytest.mark.parametrize("size", SIZES)
def test_waiting_money_is_decided_from_the_work_list(page, live_server, shop, tmp_path, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    log_in(page, live_server)

    page.get_by_role("link", name="Received money to decide").click()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=tmp_path / f"work-list-{size}.png")
    row = page.locator("#result_list tr", has_text="UKL7K2P9QX")
    row.get_by_role("link", name="Attach", exact=True).click()
    page.get_by_label("Order number").fill(shop[0].number)
    page.screenshot(path=tmp_path / f"attach-{size}.png")
    page.get_by_role("button", name="Attach").click()
    page.get_by_text(f"Attached. Order {shop[0].number} is paid.").wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=tmp_path / f"attached-{size}.png", full_page=True)

    page.goto(f"{live_server.url}/admin/payments/receivedmoney/")
    page.locator("#result_list tbody th").get_by_role("link", name="UKL3B6H0WZ").click()
    open_action(page, size, "Give back")
    page.get_by_label("Reason").fill("paid another shop's till")
    page.screenshot(path=tmp_path / f"give-back-{size}.png")
    page.get_by_role("button", name="Give back").click()
    page.get_by_text("will go back: paid another shop's till").wait_for()

    page.goto(f"{live_server.url}/admin/payments/receivedmoney/?status=unverified")
    page.get_by_role("link", name="Dismiss", exact=True).click()
    page.get_by_role("button", name="Dismiss the claim").click()
    page.get_by_text("This field is required.").wait_for()
    page.screenshot(path=tmp_path / f"dismiss-empty-{size}.png")
    page.get_by_label("Reason").fill("no such payment at M-PESA")
    page.get_by_role("button", name="Dismiss the claim").click()
    page.get_by_text("Dismissed: no such payment at M-PESA").wait_for()

    states = dict(ReceivedMoney.objects.values_list("receipt_number", "status"))
    assert states == {
        "UKL7K2P9QX": "applied",
        "UKL5M8D1RT": "unmatched",
        "UKL3B6H0WZ": "surplus",
        "UKL9X1F4GS": "dismissed",
        "UKL1C5J7VN": "applied",
    }


@pytest.mark.parametrize(("model", "title"), [(Refund, "Refunds to make by hand"), (Payout, "Payouts to make by hand")])
def test_money_is_sent_by_hand_and_its_receipt_noted(page, live_server, shop, model, title):
    log_in(page, live_server)

    page.get_by_role("link", name=title).click()
    page.locator("#result_list tbody th a").first.click()
    open_action(page, "desk", "Paid by hand")
    page.get_by_label("Receipt number").fill("ukl 8handmade")
    page.get_by_role("button", name="Paid by hand").click()
    page.get_by_text("Paid by hand, receipt UKL8HANDMADE.").wait_for()

    assert list(model.objects.values_list("status", "receipt_number")) == [("succeeded", "UKL8HANDMADE")]
