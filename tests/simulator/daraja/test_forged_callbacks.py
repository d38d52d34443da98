import pytest

from tests.simulator.merchant import wait_for

CALLBACK = "/stk/8Qk1x/"


def items(body):
    return {item["Name"]: item["Value"] for item in body["Body"]["stkCallback"]["CallbackMetadata"]["Item"]}


def test_forged_success_comes_while_the_payment_waits(shop, inbox):
    shop.faults({"fault": "callback_forged", "seconds": 0.05})

    checkout = shop.start()

    (lie,) = inbox.at(CALLBACK)
    assert lie["Body"]["stkCallback"]["CheckoutRequestID"] == checkout
    assert lie["Body"]["stkCallback"]["ResultCode"] == 0
    assert items(lie)["Amount"] == 1500
    assert shop.books()["payments"][0]["status"] == "waiting"
    shop.answer(checkout)
    truth = inbox.at(CALLBACK, 2)[1]
    receipt = shop.books()["payments"][0]["receipt_number"]
    assert items(truth)["MpesaReceiptNumber"] == receipt != items(lie)["MpesaReceiptNumber"]


def test_forged_success_comes_after_a_failure(shop, inbox):
    shop.faults({"fault": "callback_forged", "seconds": 0.05, "after_failure": True})

    shop.answer(shop.start(), action="cancel")

    codes = [body["Body"]["stkCallback"]["ResultCode"] for body in inbox.at(CALLBACK, 2)]
    assert codes == [1032, 0]
    assert shop.books()["payments"][0]["status"] == "failed"


def test_forged_success_does_not_come_after_a_true_one(shop, inbox):
    shop.faults({"fault": "callback_forged", "seconds": 0.05, "after_failure": True})

    shop.pay()

    inbox.at(CALLBACK)
    wait_for(lambda: shop.deliveries()[0]["state"] == "answered")
    assert len(shop.deliveries()) == 1


@pytest.mark.parametrize("callback", ["/stk/8Qk1x/", "/stk/8Qk1x", "/stk/8Qk1x/?a=1"])
def test_forged_address_has_another_last_segment(shop, inbox, callback):
    shop.callback_url = f"{inbox.url}{callback}"
    shop.faults({"fault": "callback_forged_url", "seconds": 0})

    shop.start()

    wait_for(lambda: inbox.received)
    path = inbox.paths()[0]
    assert path != callback
    assert (path[:5], path[10:], len(path)) == (callback[:5], callback[10:], len(callback))


def test_forged_callbacks_come_together(shop, inbox):
    shop.faults({"faults": ["callback_forged", "callback_forged_url", "callback_lost"]})

    shop.pay()

    wait_for(lambda: len(inbox.received) == 2)
    assert [path == CALLBACK for path in inbox.paths()] == [True, False]
    assert shop.books()["payments"][0]["status"] == "successful"
