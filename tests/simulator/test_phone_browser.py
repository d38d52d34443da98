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


@pytest.fixture
def pay_sheet(merchant, page):
    """The M-PESA menu, open on a phone."""
    page.goto(f"/phone/?msisdn={MSISDN}")
    page.get_by_text("Ksh500,000", exact=True).wait_for()
    page.get_by_test_id("pay-open").click()
    return page.get_by_test_id("pay")


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


def test_page_pays_by_paybill(merchant, page, pay_sheet):
    number = page.get_by_label("Business number").input_value()
    page.get_by_label("Account number").fill("SH7K2P9QXA")
    page.get_by_label("Amount").fill("1500")
    pay_sheet.get_by_label("PIN").fill("1234")
    page.get_by_test_id("pay-send").click()

    pay_sheet.wait_for(state="hidden")
    page.get_by_test_id("message").wait_for()
    entry = merchant.books()["payments"][0]
    assert number == "174379"
    assert (entry["kind"], entry["reference"], entry["amount"]) == ("c2b", "SH7K2P9QXA", "1500.00")
    assert page.get_by_test_id("toast").inner_text() == f"Paid. Receipt {entry['receipt_number']}"
    page.get_by_text("Ksh498,500", exact=True).wait_for()


def test_page_pays_at_a_till_by_keyboard(merchant, page, pay_sheet):
    page.get_by_label("Buy Goods").check()
    hint = page.get_by_test_id("pay-merchant").inner_text()
    page.get_by_label("Till number").fill("512 345")
    page.keyboard.press("Tab")
    page.keyboard.type("300")
    page.keyboard.press("Tab")
    page.keyboard.type("1234")
    page.keyboard.press("Enter")

    pay_sheet.wait_for(state="hidden")
    entry = merchant.books()["payments"][0]
    assert hint == "Every till is BYTEMTAANI's here."
    assert (entry["transaction_type"], entry["reference"], entry["amount"]) == ("Buy Goods", "", "300.00")
    assert page.get_by_test_id("pay-open").evaluate("element => element === document.activeElement")


@pytest.mark.parametrize(
    ("field", "value", "note"),
    [
        ("Business number", "12", "Enter the business number: 5 to 7 digits."),
        ("Account number", " ", "Enter the account number, for example your order number."),
        ("Amount", "0", "Enter whole shillings, for example 500."),
        ("PIN", "12", "Enter the 4 digits of your PIN."),
    ],
)
def test_page_names_what_is_missing_before_it_pays(merchant, page, pay_sheet, field, value, note):
    for name, good in (("Account number", "A1"), ("Amount", "300"), ("PIN", "1234")):
        pay_sheet.get_by_label(name).fill(good)
    pay_sheet.get_by_label(field).fill(value)

    page.get_by_test_id("pay-send").click()

    assert page.get_by_test_id("pay-note").inner_text() == note
    assert pay_sheet.get_by_label(field).evaluate("element => element === document.activeElement")
    assert merchant.books()["payments"] == []


def test_page_keeps_the_sheet_open_after_a_wrong_pin(merchant, page, pay_sheet):
    for name, good in (("Account number", "A1"), ("Amount", "300"), ("PIN", "9999")):
        pay_sheet.get_by_label(name).fill(good)
    page.get_by_test_id("pay-send").click()
    page.get_by_text("Failed. You entered a wrong PIN.").first.wait_for()
    typed = pay_sheet.get_by_label("PIN").input_value()

    page.keyboard.type("1234")
    page.keyboard.press("Enter")

    pay_sheet.wait_for(state="hidden")
    assert typed == ""
    assert merchant.books()["totals"]["captured"] == {"KES": "300.00"}


def test_page_closes_the_sheet_with_escape(page, pay_sheet):
    pay_sheet.get_by_label("Account number").press("Escape")

    pay_sheet.wait_for(state="hidden")


def test_page_shows_a_prompt_over_the_sheet(merchant, receiver, page, pay_sheet):
    merchant.start()

    page.get_by_test_id("prompt").wait_for()
    press(page, "1234")
    page.get_by_test_id("ok").click()

    assert receiver.result_codes(1) == [0]
    assert pay_sheet.is_visible()
