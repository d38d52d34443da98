import sqlite3

from tests.simulator.daraja.shop import UTILITY, WORKING
from tests.simulator.merchant import MSISDN, wait_for


def restart(start_shop, simulator, path):
    simulator.stop()
    return start_shop(state=path)


def test_registered_addresses_books_and_certificate_survive(start_shop, inbox, tmp_path):
    path = str(tmp_path / "books.db")
    simulator, shop = start_shop(state=path)
    shop.register(ValidationURL=None)
    shop.pay_bill()
    shop.b2c()
    shop.result()
    inbox.at("/conf/")
    certificate = shop.http.get("/daraja-certificate.cer").text
    books = shop.books()

    _, again = restart(start_shop, simulator, path)

    assert again.books() == books
    assert again.http.get("/daraja-certificate.cer").text == certificate
    assert again.accounts() == (UTILITY + 300 - 1005, WORKING)
    again.pay_bill()
    assert len(inbox.at("/conf/", 2)) == 2
    assert again.b2c().json()["errorCode"] == "500.002.1001"


def test_payout_that_waited_in_the_queue_is_done_after_a_restart(start_shop, inbox, tmp_path):
    path = str(tmp_path / "books.db")
    simulator, shop = start_shop(state=path)
    shop.faults({"fault": "b2c_queue_timeout_then_success", "seconds": 30})
    shop.b2c()
    inbox.at("/timeout/")

    _, again = restart(start_shop, simulator, path)

    assert again.result()["ResultCode"] == 0
    assert inbox.paths() == ["/timeout/", "/result/"]


def test_payment_that_waited_for_the_shop_has_failed_after_a_restart(start_shop, inbox, tmp_path):
    path = str(tmp_path / "books.db")
    simulator, _ = start_shop(state=path)
    simulator.stop()
    books = sqlite3.connect(path)
    books.execute(
        "INSERT INTO mpesa_c2b (trans_id, msisdn, amount, transaction_type, number, reference, faults, created_at)"
        " VALUES ('UKL4AB12CD', ?, 300, 'Pay Bill', '174379', 'A1', '[]', 0)",
        (MSISDN,),
    )
    books.commit()
    books.close()

    _, again = start_shop(state=path)

    entry = wait_for(lambda: again.books()["payments"])[0]
    assert (entry["status"], entry["result_code"], entry["receipt_number"]) == ("failed", "C2B00016", None)
    assert again.accounts() == (UTILITY, WORKING)
