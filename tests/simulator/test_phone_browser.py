"""The phone's page in a real browser."""

import pytest

from tests.simulator.merchant import MSISDN

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser, shared_simulator):
    """A page as narrow as a small phone; the test fails when it complains or asks for anything that fails."""
    complaints = []

    def note_failed_request(request):
        if request.failure != "net::ERR_ABORTED":  # leaving the page ends what it was asking for
            complaints.append(request.url)

    page = browser.new_page(viewport={"width": 360, "height": 640}, base_url=shared_simulator.url)
    page.set_default_timeout(8000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", note_failed_request)
    yield page
    page.close()
    assert complaints == []


def press(page, digits):
    for digit in digits:
        page.get_by_test_id(f"key-{digit}").click()


def test_page_shows_the_waiting_prompt_of_a_phone_nobody_chose(merchant, page):
    page.goto("/")
    merchant.start(msisdn="254722000111")

    page.get_by_test_id("prompt").wait_for()

    assert page.get_by_test_id("prompt-text").inner_text() == (
        "Do you want to pay KSH 1,500 to BYTEMTAANI Account no. 1000017? Enter M-PESA PIN"
    )
    assert page.get_by_test_id("current-number").inner_text() == "0722 000 111"
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_page_pays_by_keypad_and_shows_the_receipt(merchant, receiver, page):
    merchant.start()
    page.goto(f"/phone/?msisdn={MSISDN}")
    page.get_by_test_id("prompt").wait_for()

    press(page, ["1", "2", "9", "back", "3", "4"])
    page.get_by_test_id("ok").click()
    page.get_by_test_id("message").wait_for()

    receipt = merchant.books()["payments"][0]["receipt_number"]
    assert receiver.result_codes(1) == [0]
    assert page.get_by_test_id("message").inner_text().startswith(f"{receipt} Confirmed. Ksh1,500.00 sent to ")
    assert page.get_by_test_id("toast").inner_text() == f"Paid. Receipt {receipt}"
    assert page.get_by_test_id("prompt").is_hidden()
    page.get_by_text("Ksh498,500", exact=True).wait_for()


def test_page_takes_typing_and_asks_for_four_digits(merchant, receiver, page):
    merchant.start()
    page.goto(f"/phone/?msisdn={MSISDN}")
    page.get_by_test_id("prompt").wait_for()

    page.get_by_label("M-PESA PIN").press_sequentially("12")
    page.keyboard.press("Enter")
    error = page.get_by_test_id("prompt-error").inner_text()
    page.keyboard.type("34")
    page.keyboard.press("Enter")

    assert error == "Enter the 4 digits of your PIN."
    assert receiver.result_codes(1) == [0]


@pytest.mark.parametrize(("button", "code"), [("cancel", 1032), ("ignore", 1037)])
def test_page_can_turn_a_prompt_away(merchant, receiver, page, button, code):
    merchant.start()
    page.goto(f"/phone/?msisdn={MSISDN}")

    page.get_by_test_id(button).click()

    page.get_by_test_id("message").wait_for()
    assert receiver.result_codes(1) == [code]
    assert page.get_by_test_id("message").get_attribute("data-kind") == "failure"


def test_page_unlocks_the_pin_and_sets_the_balance(merchant, page):
    for _ in range(3):
        merchant.answer(merchant.start(), pin="0000")
    page.goto(f"/phone/?msisdn={MSISDN}")

    page.get_by_test_id("unlock-pin").click()
    page.get_by_test_id("pin-locked").wait_for(state="hidden")
    page.get_by_test_id("wallet-button").click()
    page.get_by_label("Set the balance, in shillings").fill("250")
    page.get_by_test_id("set-balance").click()
    page.get_by_text("Ksh250", exact=True).wait_for()

    phone = merchant.http.get(f"/phone/api/phones?msisdn={MSISDN}").json()["phones"][0]
    assert (phone["balance"], phone["pin_locked"]) == ("250.00", False)


def test_page_remembers_the_number_and_points_to_another_prompt(merchant, page):
    page.goto("/phone/")
    page.get_by_label("Phone number").fill("0799 888 777")
    page.get_by_test_id("use-number").click()
    page.goto("/phone/")
    remembered = page.get_by_test_id("current-number").inner_text()
    merchant.start()

    page.get_by_test_id("elsewhere-show").click()
    page.get_by_test_id("prompt").wait_for()

    assert remembered == "0799 888 777"
    assert page.get_by_test_id("current-number").inner_text() == "0712 345 678"


def test_page_refuses_a_number_that_is_none(merchant, page):
    page.goto("/phone/")

    page.get_by_label("Phone number").fill("0201234567")
    page.get_by_test_id("use-number").click()

    assert page.get_by_test_id("msisdn-error").inner_text() == (
        "Enter a Kenyan mobile number, for example 0712 345 678."
    )
