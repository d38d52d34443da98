"""The checkout page in a real browser."""

import pytest

from simulator.settings import ChapaSettings, Settings
from tests.simulator.chapa.merchant import TX_REF, ChapaMerchant
from tests.simulator.checkout.inbox import running
from tests.simulator.merchant import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def complaints():
    """What the page complains of; a test that provokes a complaint takes it out."""
    return []


@pytest.fixture
def page(browser, shared_simulator, inbox, complaints):
    """A page as narrow as a small phone; the test fails when it complains, or asks another machine for anything."""
    asked = []

    def note_failed_request(request):
        if request.failure != "net::ERR_ABORTED":  # leaving the page ends what it was asking for
            complaints.append(request.url)

    page = browser.new_page(viewport={"width": 360, "height": 640}, base_url=shared_simulator.url)
    page.set_default_timeout(8000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", note_failed_request)
    yield page
    page.close()
    assert complaints == []
    own = (f"{shared_simulator.url}/checkout/", f"{inbox.url}/back", "data:image/svg+xml")
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.fixture
def back(inbox):
    """Where the shop is: the customer comes back to it."""
    return f"{inbox.url}/back?order=1001"


def open_page(page, merchant, reference=TX_REF):
    checkout = merchant.open_checkouts(reference)[0]
    page.goto(f"/checkout/{checkout['provider']}/{checkout['id']}")
    page.get_by_test_id("actions").wait_for()


def text_of(page, name):
    return page.get_by_test_id(name).inner_text()


def test_page_shows_who_wants_how_much_for_what(chapa, page, back):
    chapa.start(amount="1234400.50", return_url=back)

    open_page(page, chapa)

    shown = {name: text_of(page, name) for name in ("provider", "merchant", "currency", "amount", "description")}
    assert shown == {
        "provider": "Chapa",
        "merchant": "ByteMtaani",
        "currency": "ETB",
        "amount": "1,234,400.50",
        "description": "Order 1001, 3 items",
    }
    assert (text_of(page, "reference"), text_of(page, "customer")) == (TX_REF, "abebe@example.com")
    assert page.title() == "Chapa checkout - payment simulator"
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    buttons = page.get_by_test_id("actions").get_by_role("button")
    assert [label.partition(",")[0].partition(":")[0] for label in buttons.all_inner_texts()] == [
        *("telebirr", "CBE Birr", "M-Pesa", "Card"),
        *("telebirr", "Card", "Cancel and go back"),
    ]
    heights = [buttons.nth(number).bounding_box()["height"] for number in range(buttons.count())]
    assert min(heights) >= 44  # a thumb's width


def test_page_keeps_to_the_screen_with_the_longest_texts(chapa, page):
    chapa.start("R" * 100, customization={"description": "D" * 255}, email=f"{'e' * 60}@example.com")

    open_page(page, chapa, "R" * 100)

    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for name in ("reference", "customer", "description"):
        right = page.get_by_test_id(name).evaluate("e => e.getBoundingClientRect().left + e.scrollWidth")
        assert right <= 360


def test_page_takes_no_text_for_html(chapa, page):
    chapa.start(customization={"description": "<img src=x onerror=alert(1)>"})

    open_page(page, chapa)

    assert text_of(page, "description") == "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    ("action", "status"), [("pay-telebirr", "success"), ("pay-card", "success"), ("cancel", "cancelled")]
)
def test_customer_acts_and_is_back_in_the_shop(chapa, inbox, page, back, action, status):
    chapa.start(return_url=back)
    open_page(page, chapa)

    page.get_by_test_id(f"action-{action}").click()

    page.wait_for_url(back)
    assert chapa.verified()["status"] == status
    told = wait_for(lambda: [message.json for message in inbox.messages if message.method == "POST"])
    assert {message["tx_ref"] for message in told} == {TX_REF}


def test_customer_pays_at_paystack_and_is_back_with_the_reference(paystack, page, back):
    paystack.start(callback_url=back)
    open_page(page, paystack)

    page.get_by_test_id("action-pay-mpesa").click()

    page.wait_for_url(f"{back}&trxref=ORD-1001-a1&reference=ORD-1001-a1")
    assert paystack.status() == "success"


def test_failed_try_is_told_and_can_be_followed_by_another(chapa, page, back):
    chapa.start(return_url=back)
    open_page(page, chapa)

    page.get_by_test_id("action-fail-telebirr").click()
    page.get_by_test_id("note").wait_for()
    note = text_of(page, "note")
    page.get_by_test_id("action-pay-telebirr").click()

    page.wait_for_url(back)
    assert (note, chapa.verified()["status"], chapa.payment(TX_REF)["tries"]) == ("Try 1 failed.", "success", 2)


def test_customer_pays_with_the_keyboard_alone(chapa, page, back):
    chapa.start(return_url=back)
    open_page(page, chapa)

    page.get_by_test_id("action-pay-telebirr").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url(back)
    assert chapa.verified()["method"] == "cbebirr"


def test_two_quick_clicks_pay_once(chapa, page, back):
    chapa.start(return_url=back)
    open_page(page, chapa)

    page.get_by_test_id("action-pay-card").dblclick(no_wait_after=True)

    page.wait_for_url(back)
    assert (chapa.books()["totals"]["captured"], chapa.payment(TX_REF)["tries"]) == ({"ETB": "400.00"}, 1)


def test_page_without_a_way_back_says_that_it_is_paid(chapa, page):
    chapa.start(return_url=None)
    open_page(page, chapa)

    page.get_by_test_id("action-pay-card").click()

    page.get_by_test_id("verdict").wait_for()
    assert text_of(page, "verdict-title") == "Paid"
    assert page.get_by_test_id("back").is_hidden()
    assert page.get_by_test_id("open").is_hidden()


def test_customer_who_comes_back_by_the_browsers_button_sees_what_became_of_it(chapa, page, back):
    chapa.start(return_url=back)
    open_page(page, chapa)
    page.get_by_test_id("action-pay-card").click()
    page.wait_for_url(back)

    page.go_back()

    page.locator("[data-testid=actions] button, [data-testid=verdict]:visible").first.wait_for()
    assert text_of(page, "verdict-title") == "Paid"
    page.get_by_test_id("back").click()
    page.wait_for_url(back)


def test_page_that_is_taken_up_again_has_no_dead_buttons(chapa, inbox, page, back):
    chapa.http.post("/control/webhooks", json={"chapa": ""})
    inbox.statuses = [204]  # the browser does not leave the page for it
    chapa.start(return_url=back)
    open_page(page, chapa)
    page.get_by_test_id("action-fail-card").click()
    page.get_by_test_id("note").wait_for()
    page.get_by_test_id("action-pay-card").click()
    wait_for(lambda: any(message.path.startswith("/back") for message in inbox.messages))
    dead = page.get_by_test_id("action-pay-card").is_disabled()

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    page.get_by_test_id("verdict").wait_for()
    assert (dead, text_of(page, "verdict-title")) == (True, "Paid")


def test_page_shows_by_itself_what_a_customer_did_elsewhere(chapa, page, back):
    chapa.start(return_url=back)
    open_page(page, chapa)

    chapa.auto_checkout()

    page.get_by_test_id("verdict").wait_for()
    assert text_of(page, "verdict-title") == "Paid"
    assert page.get_by_test_id("back").get_attribute("href") == back


def test_action_that_comes_too_late_is_told(chapa, page, complaints):
    chapa.start()
    open_page(page, chapa)
    chapa.act(TX_REF, "cancel")

    page.get_by_test_id("action-pay-card").click()

    page.get_by_test_id("verdict").wait_for()
    assert text_of(page, "verdict-title") == "Cancelled"
    assert text_of(page, "error") == "This checkout is no longer open."
    assert [complaint for complaint in complaints if "409" not in complaint] == []
    complaints.clear()  # the browser itself notes the refusal


def test_page_says_that_the_time_is_over(browser):
    with running(Settings(chapa=ChapaSettings(link_seconds=2.0))) as simulator:
        merchant = ChapaMerchant(simulator.http, "")
        page = browser.new_page(base_url=simulator.url)
        page.set_default_timeout(8000)
        merchant.start()
        open_page(page, merchant)

        page.get_by_test_id("verdict").wait_for()

        title = text_of(page, "verdict-title")
        page.close()
    assert title == "Expired"


def test_list_leads_to_every_open_checkout(chapa, paystack, page):
    page.goto("/checkout/")
    page.get_by_test_id("empty").wait_for()
    chapa.start()
    paystack.start("P-1")

    page.get_by_test_id("waiting").get_by_text(TX_REF).wait_for()
    entries = page.get_by_test_id("waiting").get_by_role("link").all_inner_texts()
    narrow = page.evaluate("document.documentElement.scrollWidth")
    page.get_by_test_id("waiting").get_by_text(TX_REF).click()

    page.get_by_test_id("actions").wait_for()
    assert [entry.split("\n") for entry in entries] == [
        ["P-1", "KES 1,500.00", "Paystack, amina@example.com"],
        [TX_REF, "ETB 400.00", "Chapa, abebe@example.com"],
    ]
    assert (narrow, text_of(page, "reference")) == (360, TX_REF)


def test_unknown_checkout_is_told_and_leads_to_the_list(control, page, complaints):
    page.goto("/checkout/chapa/nothing")

    page.get_by_test_id("missing").wait_for()
    page.get_by_role("link", name="Open checkouts").click()

    page.get_by_test_id("list").wait_for()
    assert [complaint for complaint in complaints if "404" not in complaint] == []
    complaints.clear()  # the browser itself notes the 404
