"""Transfers: what is taken, what is refused, how they end, and what can go wrong with them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulator.chapa.merchant import signatures
from tests.simulator.merchant import wait_for

REFERENCE = "payout-2026-11-seller-42"
USED_BEFORE = {"message": "Reference number has been used before", "status": "failed", "data": None}


def verified(chapa, reference=REFERENCE):
    return chapa.get(f"/v1/transfers/verify/{reference}").json()["data"]


def entry(number, **changes):
    return {
        "account_name": "Baraka Shop",
        "account_number": "0912345678",
        "amount": "10.00",
        "reference": f"bulk-{number}",
        "bank_code": 855,
        **changes,
    }


def test_banks_have_no_status_and_their_id_is_the_code(chapa):
    answer = chapa.get("/v1/banks").json()

    assert (set(answer), answer["message"]) == ({"message", "data"}, "Banks retrieved")
    telebirr = next(bank for bank in answer["data"] if bank["name"] == "telebirr")
    names = {"id", "swift", "name", "acct_length", "country_id", "is_rtgs", "is_mobilemoney", "currency"}
    assert names | {"created_at", "updated_at"} <= set(telebirr)
    assert (telebirr["is_mobilemoney"], telebirr["currency"]) == (1, "ETB")
    assert chapa.transfer(bank_code=telebirr["id"]).status_code == 200


def test_transfer_is_queued_done_and_told(chapa, inbox):
    response = chapa.transfer()

    assert (response.status_code, response.json()) == (
        200,
        {"message": "Transfer Queued Successfully in Test Mode.", "status": "success", "data": REFERENCE},
    )
    message = inbox.wait()[0]
    told, data = message.json, verified(chapa)
    assert (told.pop("created_at"), told.pop("updated_at")) == (data["created_at"], data["updated_at"])
    assert told == {
        "event": "payout.success",
        "type": "Payout",
        "account_name": "Baraka Shop",
        "account_number": "0912345678",
        "bank_id": 855,
        "bank_name": "telebirr",
        "amount": "350.00",
        "charge": "0.00",
        "currency": "ETB",
        "status": "success",
        "reference": REFERENCE,
        "chapa_reference": data["chapa_transfer_id"],
        "bank_reference": data["cross_party_reference"],
    }
    assert signatures(message) == (True, True)
    assert (data["status"], data["amount"], data["mode"], data["tx_ref"]) == ("success", 350, "test", REFERENCE)
    assert chapa.books()["totals"]["paid_out"] == {"ETB": "350.00"}


@pytest.mark.parametrize("changes", [{"bank_code": "855"}, {"amount": 350}, {"currency": None}])
def test_transfer_takes_codes_and_amounts_as_number_or_text(chapa, changes):
    assert chapa.transfer(**changes).status_code == 200
    assert chapa.books()["payouts"][0]["amount"] == "350.00"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"account_name": None}, {"account_name": ["validation.required"]}),
        ({"account_number": None}, {"account_number": ["validation.required"]}),
        ({"account_number": "telebirr"}, {"account_number": ["validation.regex"]}),
        ({"amount": "a lot"}, {"amount": ["validation.numeric"]}),
        ({"reference": None}, {"reference": ["validation.required"]}),
        ({"reference": "a b"}, {"reference": ["validation.regex"]}),
        ({"bank_code": None}, {"bank_code": ["validation.required"]}),
        ({"bank_code": 5}, "Invalid bank code"),
        ({"bank_code": "telebirr"}, "Invalid bank code"),
        ({"currency": "USD"}, "Invalid currency"),
        ({"amount": "0.99"}, "The amount must be between 1 and 75000 ETB for telebirr"),
        ({"amount": "75000.01"}, "The amount must be between 1 and 75000 ETB for telebirr"),
        ({"amount": "1000000.01", "bank_code": 946}, "Insufficient Balance"),
    ],
)
def test_transfer_that_cannot_be_is_refused(chapa, inbox, changes, message):
    response = chapa.transfer(**changes)

    assert (response.status_code, response.json()) == (400, {"message": message, "status": "failed", "data": None})
    assert chapa.books()["payouts"] == []


def test_transfer_reference_used_again_is_refused_and_moves_nothing(chapa, inbox):
    chapa.transfer()

    again = chapa.transfer(amount="999.00")

    assert (again.status_code, again.json()) == (400, USED_BEFORE)
    inbox.wait()
    assert [payout["amount"] for payout in chapa.books()["payouts"]] == ["350.00"]


def test_transfer_may_be_told_to_fail_in_test_mode(chapa, inbox):
    chapa.transfer(status="failed")

    message = inbox.wait()[0].json
    assert (message["event"], message["status"]) == ("payout.failed/cancelled", "failed/cancelled")
    assert message["bank_reference"] is None
    assert chapa.books()["payouts"][0]["status"] == "failed"
    assert chapa.books()["totals"]["paid_out"] == {}
    assert chapa.transfer(reference="next", amount="1000000.00", bank_code=946).status_code == 200


def test_unknown_transfer_is_not_found(chapa):
    response = chapa.get("/v1/transfers/verify/NOBODY")

    assert (response.status_code, response.json()["message"]) == (404, "Transfer not found")


def test_transfers_are_listed_newest_first_and_by_page(chapa, inbox):
    for number in range(11):
        chapa.transfer(reference=f"out-{number}")
    inbox.wait(11)

    first, second = chapa.get("/v1/transfers").json(), chapa.get("/v1/transfers", page=2).json()

    assert [row["reference"] for row in first["data"]] == [f"out-{number}" for number in range(10, 0, -1)]
    assert [row["reference"] for row in second["data"]] == ["out-0"]
    assert {name: first["meta"][name] for name in ("current_page", "last_page", "per_page", "total", "to")} == {
        "current_page": 1,
        "last_page": 2,
        "per_page": 10,
        "total": 11,
        "to": 10,
    }
    assert (first["data"][0]["status"], first["data"][0]["amount"]) == ("success", 350)


def test_transfers_at_the_root_are_another_providers_without_a_chapa_key(chapa):
    stripe = chapa.http.get("/v1/transfers", headers={"Authorization": "Bearer sk_test_simulator_stripe"})

    assert (stripe.status_code, stripe.json()["object"]) == (200, "list")


# --- bulk


def test_bulk_transfer_queues_each(chapa, inbox):
    entries = [entry(1), entry(2, amount="20.00")]

    answer = chapa.post("/v1/bulk-transfers", title="November", currency="ETB", bulk_data=entries).json()

    assert (answer["status"], set(answer["data"])) == ("success", {"id", "created_at"})
    assert sorted(message.json["reference"] for message in inbox.wait(2)) == ["bulk-1", "bulk-2"]
    assert chapa.books()["totals"]["paid_out"] == {"ETB": "30.00"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], {"bulk_data": ["validation.between.1.100"]}),
        ([entry(number) for number in range(101)], {"bulk_data": ["validation.between.1.100"]}),
        (["telebirr"], {"bulk_data": ["validation.array"]}),
        ([entry(1), entry(2, bank_code=5)], "Invalid bank code"),
        ([entry(1), entry(1)], "Reference number has been used before"),
        ([entry(1), entry(2, reference=REFERENCE)], "Reference number has been used before"),
        ([entry(number, amount="600000", bank_code=946) for number in range(2)], "Insufficient Balance"),
    ],
)
def test_bulk_transfer_with_one_that_cannot_be_queues_none(chapa, entries, message):
    chapa.transfer()

    response = chapa.post("/v1/bulk-transfers", title="November", currency="ETB", bulk_data=entries)

    assert (response.status_code, response.json()["message"]) == (400, message)
    assert [payout["reference"] for payout in chapa.books()["payouts"]] == [REFERENCE]


def test_bulk_transfer_that_hangs_is_checked_again_before_it_is_queued(chapa):
    chapa.faults({"fault": "chapa_transfer_hang_before", "seconds": 0.3, "count": 2})

    def send():
        return chapa.post("/v1/bulk-transfers", title="November", currency="ETB", bulk_data=[entry(1)]).status_code

    with ThreadPoolExecutor() as threads:
        sent = [threads.submit(send) for _ in range(2)]

    assert sorted(future.result() for future in sent) == [200, 400]
    assert [payout["reference"] for payout in chapa.books()["payouts"]] == ["bulk-1"]


# --- faults


def test_transfer_may_take_a_while(chapa, inbox):
    chapa.faults({"fault": "chapa_transfer_pending", "seconds": 0.4})

    chapa.transfer()

    assert (verified(chapa)["status"], chapa.books()["payouts"][0]["status"]) == ("pending", "waiting")
    inbox.wait()
    assert verified(chapa)["status"] == "success"


def test_transfer_may_fail_and_give_the_money_back(chapa, inbox):
    chapa.faults("chapa_transfer_fails")

    chapa.transfer()

    assert inbox.wait()[0].json["event"] == "payout.failed/cancelled"
    assert verified(chapa)["status"] == "failed/cancelled"


def test_transfer_outside_the_hours_is_a_401(chapa):
    chapa.faults("chapa_transfer_outside_hours")

    refused, taken = chapa.transfer(), chapa.transfer()

    assert (refused.status_code, refused.json()["status"], taken.status_code) == (401, "failed", 200)


def test_verify_of_a_transfer_may_be_empty(chapa):
    chapa.transfer()
    chapa.faults("chapa_transfer_verify_null")

    answers = [chapa.get(f"/v1/transfers/verify/{REFERENCE}").json()["data"] for _ in range(2)]

    assert (answers[0], answers[1]["tx_ref"]) == ([None], REFERENCE)


@pytest.mark.parametrize(
    ("fault", "count", "right"),
    [
        ("chapa_transfer_webhook_lost", 0, None),
        ("chapa_transfer_webhook_doubled", 2, (True, True)),
        ("chapa_transfer_webhook_bad_signature", 1, (False, False)),
    ],
)
def test_transfer_webhook_may_go_wrong_on_its_way(chapa, inbox, fault, count, right):
    chapa.faults(fault)

    chapa.transfer()

    chapa.wait_until_delivered(max(1, count))
    assert [signatures(message) for message in inbox.messages] == [right] * count
    wait_for(lambda: chapa.books()["totals"]["paid_out"] == {"ETB": "350.00"})
