"""Transfers to connected accounts, reversals, the balance."""

import pytest

from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"


def transfer(shop, **changes):
    fields = {"amount": 100000, "currency": "kes", "destination": "acct_1Seller", "transfer_group": "PAYOUT-7"}
    wanted = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return shop.post("transfers", wanted)


def available(shop):
    return {entry["currency"]: entry["amount"] for entry in shop.got("balance")["available"]}


def test_transfer_is_the_reference_s_and_leaves_the_balance(shop, inbox):
    intent = shop.paid_intent()
    before = available(shop)

    made = transfer(shop, source_transaction=intent["latest_charge"], **{"metadata[payout]": "7"}).json()

    known = {
        "object": "transfer",
        "amount": 100000,
        "amount_reversed": 0,
        "currency": "kes",
        "destination": "acct_1Seller",
        "source_transaction": intent["latest_charge"],
        "reversed": False,
        "transfer_group": "PAYOUT-7",
        "metadata": {"payout": "7"},
        "livemode": False,
    }
    assert {name: made[name] for name in known} == known
    assert (made["id"][:3], made["destination_payment"][:3]) == ("tr_", "py_")
    assert shop.got(f"transfers/{made['id']}") == made
    assert (before, available(shop)) == ({"kes": 145620}, {"kes": 45620})
    assert "transfer.created" in [message.json["type"] for message in inbox.wait(2)]
    assert [(entry["reference"], entry["amount"], entry["status"]) for entry in shop.books()["payouts"]] == [
        ("PAYOUT-7", "1000.00", "successful")
    ]
    assert shop.books()["totals"]["paid_out"] == {"KES": "1000.00"}


def test_transfer_beyond_the_balance_is_refused(shop):
    shop.paid_intent()

    answers = [transfer(shop, amount=145621), transfer(shop, currency="usd", amount=100)]

    assert [error_of(answer) for answer in answers] == [(400, BAD, "balance_insufficient", None)] * 2
    assert (available(shop), shop.books()["payouts"]) == ({"kes": 145620}, [])


def test_transfers_of_a_charge_stop_at_its_amount(shop):
    shop.paid_intent()
    intent = shop.paid_intent()
    first = transfer(shop, source_transaction=intent["latest_charge"], amount=100000)

    second = transfer(shop, source_transaction=intent["latest_charge"], amount=50001)
    third = transfer(shop, source_transaction=intent["latest_charge"], amount=50000)

    assert (first.status_code, error_of(second)[2], third.status_code) == (200, "balance_insufficient", 200)


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": None}, "parameter_missing", "amount"),
        ({"currency": None}, "parameter_missing", "currency"),
        ({"destination": None}, "parameter_missing", "destination"),
        ({"destination": "seller"}, "resource_missing", "destination"),
        ({"source_transaction": "ch_nobody"}, "resource_missing", "source_transaction"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_wrong_transfer_is_refused(shop, changes, code, param):
    shop.paid_intent()

    assert error_of(transfer(shop, **changes)) == (400, BAD, code, param)
    assert shop.books()["payouts"] == []


def test_transfer_is_reversed_in_parts(shop, inbox):
    shop.paid_intent()
    made = transfer(shop).json()

    first = shop.posted(f"transfers/{made['id']}/reversals", {"amount": 40000})
    too_much = shop.post(f"transfers/{made['id']}/reversals", {"amount": 60001})
    shop.posted(f"transfers/{made['id']}/reversals")
    none_left = shop.post(f"transfers/{made['id']}/reversals")

    ended = shop.got(f"transfers/{made['id']}")
    assert (first["object"], first["amount"], first["transfer"]) == ("transfer_reversal", 40000, made["id"])
    assert error_of(too_much) == error_of(none_left) == (400, BAD, None, "amount")
    assert (ended["amount_reversed"], ended["reversed"]) == (100000, True)
    assert [entry["amount"] for entry in shop.got(f"transfers/{made['id']}/reversals")["data"]] == [60000, 40000]
    assert available(shop) == {"kes": 145620}
    assert [message.json["type"] for message in inbox.wait(4)].count("transfer.reversed") == 2
    assert [(entry["amount"], entry["status"]) for entry in shop.books()["payouts"]] == [("0.00", "failed")]


def test_transfer_with_a_key_is_made_once(shop):
    shop.paid_intent()
    fields = {"amount": 100000, "currency": "kes", "destination": "acct_1Seller"}

    first, second = (shop.post("transfers", fields, key="transfer:1").json() for _ in range(2))

    assert (first["id"], len(shop.books()["payouts"])) == (second["id"], 1)


def test_balance_transactions_show_what_moved(shop):
    intent = shop.paid_intent()
    shop.refund(intent, amount=10000)
    transfer(shop)

    listed = shop.got("balance_transactions")["data"]
    charges = shop.got("balance_transactions", type="charge")["data"]

    assert [(entry["type"], entry["amount"], entry["fee"], entry["net"]) for entry in reversed(listed)] == [
        ("charge", 150000, 4380, 145620),
        ("refund", -10000, 0, -10000),
        ("transfer", -100000, 0, -100000),
    ]
    assert [entry["source"] for entry in charges] == [intent["latest_charge"]]
    assert shop.got(f"balance_transactions/{charges[0]['id']}") == charges[0]
    assert available(shop) == {"kes": sum(entry["net"] for entry in listed)}
