"""The admin as staff see it, on a desk and on a phone."""

from decimal import Decimal

import pytest

from catalog.models import Stock
from catalog.services import VariantInput
from orders.models import Order
from payments.models import Payment, PaymentAttempt, ProviderEvent
from payments.outcomes import PAID
from payments.providers.base import ProviderResult, Verdict
from payments.settlement import settle
from tests.factories import PASSWORD, BrandFactory, CategoryFactory, ProductFactory, UserFactory, place_order

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
LISTS = [
    "orders/order",
    "payments/payment",
    "payments/paymentattempt",
    "payments/providerevent",
    "catalog/product",
    "catalog/category",
    "catalog/brand",
    "catalog/stock",
    "catalog/stockmovement",
    "accounts/user",
    "ecommerce/outboxmessage",
]
FORMS = ["catalog/product/add", "catalog/category/add", "accounts/user/add", "auth/group/add"]


@pytest.fixture
def superuser(browser):
    """Made after the browser has started: from then on Django lets this thread use the database."""
    return UserFactory(email="admin@example.com", is_staff=True, is_superuser=True, role="admin")


@pytest.fixture
def paid_order(superuser):
    """An order with everything that its pages can show, paid by M-Pesa."""
    phones = CategoryFactory(category_name="Phones & Tablets")
    product = ProductFactory(
        product_name="Samsung Galaxy A15 with a Rather Long Name for a Narrow Screen",
        category=CategoryFactory(category_name="Smartphones", parent=phones),
        brand=BrandFactory(name="Samsung"),
        variants=[VariantInput("SAM-A15-BLK", Decimal("21999.00"), {"color": "Black"}, stock=4)],
    )
    customer = UserFactory(email="wanjiku.kamau.of.kileleshwa@example.com", first_name="Wanjiku", last_name="Kamau")
    order = place_order(customer, product, quantity=2)
    payment = Payment.objects.create(
        order=order, user=customer, amount=order.total_amount, currency="KES", method="mpesa", provider="mpesa"
    )
    attempt = PaymentAttempt.objects.create(
        reference=f"{order.number}-TEST",
        method="mpesa",
        payment=payment,
        provider="mpesa",
        status="pending",
        amount=payment.amount,
        currency="KES",
        phone_number="+254712345678",
        provider_reference="ws_CO_211120261045130712345678",
    )
    ProviderEvent.objects.create(
        provider="mpesa", event_id="e" * 64, kind="stk_callback", attempt=attempt, body=b'{"Body": {"stkCallback": {}}}'
    )
    told = ProviderResult(
        verdict=Verdict.SUCCEEDED, outcome=PAID, amount=attempt.amount, receipt_number="UKL4AB12CD", result_code="0"
    )
    settle(attempt.pk, told, source="callback")
    order.refresh_from_db()
    return order


def log_in(page, live_server):
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Email").fill("admin@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_the_screen_and_complain_of_nothing(page, live_server, paid_order, tmp_path, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    too_wide = []

    def look(name):
        page.wait_for_load_state("networkidle")
        page.screenshot(path=tmp_path / f"{name.replace('/', '-')}-{size}.png")
        if not fits(page):
            too_wide.append(name)

    page.goto(f"{live_server.url}/admin/login/")
    look("login")
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
    for name in FORMS:
        page.goto(f"{live_server.url}/admin/{name}/")
        look(name)
    page.goto(f"{live_server.url}/admin/catalog/stock/{Stock.objects.get().pk}/adjust/")
    look("catalog/stock/adjust")

    assert too_wide == []
    assert len(list(tmp_path.glob("*.png"))) >= 2 * len(LISTS)


@pytest.mark.parametrize("size", SIZES)
def test_paid_order_is_found_by_its_receipt_and_shipped(page, live_server, paid_order, superuser, tmp_path, size):
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    log_in(page, live_server)

    page.get_by_role("link", name="Paid, to be shipped").click()
    page.locator("#searchbar").fill("ukl4ab12cd")
    page.locator("#searchbar").press("Enter")
    page.locator("#result_list tbody th").get_by_role("link", name=paid_order.number).click()
    if size == "phone":
        page.get_by_text("more_horiz").click()
    page.locator('a[href$="/ship/"]').click()
    page.get_by_label("Note").fill("G4S waybill 8812")
    page.get_by_role("button", name="Ship").click()
    page.get_by_text("Shipped.").wait_for()
    page.screenshot(path=tmp_path / "shipped.png", full_page=True)

    order = Order.objects.get()
    assert order.status == Order.Status.SHIPPED
    assert list(order.events.values_list("to_status", "note", "actor"))[-1] == (
        "shipped",
        "G4S waybill 8812",
        superuser.pk,
    )
    assert page.get_by_role("link", name="Ship", exact=True).count() == 0


def test_new_product_gets_its_url_key_while_its_name_is_typed(page, live_server, paid_order):
    log_in(page, live_server)

    page.goto(f"{live_server.url}/admin/catalog/product/add/")
    page.locator("#id_product_name").press_sequentially("Oraimo FreePods 4")

    assert page.locator("#id_url_key").input_value() == "oraimo-freepods-4"
