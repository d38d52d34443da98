from tests.simulator.merchant import MSISDN

OTHER = "254722000111"


def test_b2c_that_names_a_payment_is_its_refund(shop):
    by_reference, by_receipt = shop.paid_receipt(AccountReference="A1"), shop.paid_receipt(AccountReference="A2")
    shop.b2c(OriginatorConversationID="r1", Amount=400, Occassion="A1")
    shop.b2c(OriginatorConversationID="r2", Amount=500, Occassion=by_receipt)
    receipts = [shop.result(2), shop.inbox.so_far("/result/")[0]["Result"]]

    books = shop.books()

    found = {entry["receipt_number"]: entry["refunds"] for entry in books["payments"]}
    named = {result["OriginatorConversationID"]: result["TransactionID"] for result in receipts}
    assert found == {
        by_reference: [
            {"id": "r1", "kind": "b2c", "amount": "400.00", "status": "successful", "receipt_number": named["r1"]}
        ],
        by_receipt: [
            {"id": "r2", "kind": "b2c", "amount": "500.00", "status": "successful", "receipt_number": named["r2"]}
        ],
    }
    assert books["payouts"] == []
    assert books["totals"]["refunded"] == {"KES": "900.00"}


def test_b2c_to_another_phone_or_for_nothing_known_is_a_payout(shop):
    shop.paid_receipt(AccountReference="A1")
    shop.b2c(OriginatorConversationID="r1", PartyB=OTHER, Occassion="A1")
    shop.b2c(OriginatorConversationID="r2", Occassion="A9")
    shop.b2c(OriginatorConversationID="r3", Occassion=None)
    shop.result(3)

    books = shop.books()

    assert [(entry["id"], entry["kind"], entry["recipient"]) for entry in books["payouts"]] == [
        ("r1", "b2c", OTHER),
        ("r2", "b2c", MSISDN),
        ("r3", "b2c", MSISDN),
    ]
    assert books["payments"][0]["refunds"] == []
    assert books["totals"]["paid_out"] == {"KES": "3000.00"}


def test_b2c_refunds_the_last_of_several_payments_with_one_reference(shop):
    receipts = [shop.paid_receipt(AccountReference="A1", Amount=amount) for amount in (1500, 1600)]
    shop.b2c(Occassion="A1")
    shop.result()

    refunds = {entry["receipt_number"]: len(entry["refunds"]) for entry in shop.books()["payments"]}

    assert refunds == {receipts[0]: 0, receipts[1]: 1}


def test_books_keep_the_order_of_both_kinds_and_are_filtered(shop):
    shop.pay_bill(account="first")
    shop.pay(AccountReference="second")
    shop.pay_bill(account="third", msisdn=OTHER)
    shop.b2c(Occassion="payout")
    shop.result()

    def references(query=""):
        return [entry["reference"] for entry in shop.http.get(f"/control/books{query}").json()["payments"]]

    assert references() == ["first", "second", "third"]
    assert references(f"?msisdn={OTHER}") == ["third"]
    assert references("?reference=first") == ["first"]
    by_phone = shop.http.get(f"/control/books?msisdn={OTHER}").json()
    assert by_phone["payouts"] == []
    assert [entry["id"] for entry in shop.http.get("/control/books?reference=payout").json()["payouts"]] == ["refund-1"]


def test_entries_of_both_kinds_have_the_same_keys(shop):
    shop.pay()
    shop.pay_bill()

    stk, c2b = shop.books()["payments"]

    assert set(stk) == set(c2b)
    assert (stk["kind"], c2b["kind"]) == ("stk", "c2b")


def test_day_s_limit_counts_both_kinds(start_shop):
    _, shop = start_shop(daily_limit=1000)
    shop.pay(Amount=600)

    too_much = shop.pay_bill(amount=401)
    enough = shop.pay_bill(amount=400)

    assert (too_much["result_code"], enough["result_code"]) == ("4", "0")
