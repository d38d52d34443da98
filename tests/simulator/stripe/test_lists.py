"""Lists, their pages and filters, search, expansion, events."""

import pytest

from tests.simulator.stripe.shop import error_of

BAD = "invalid_request_error"


@pytest.fixture
def three(shop):
    """Return the ids of three intents, oldest first; the second is paid."""
    ids = [shop.open_intent(amount=1000 * number, **{"metadata[order]": str(number)})["id"] for number in (1, 2, 3)]
    shop.confirm(ids[1])
    return ids


def ids_of(listing):
    return [entry["id"] for entry in listing["data"]]


def test_list_is_newest_first_in_pages(shop, three):
    first = shop.got("payment_intents", limit=2)
    second = shop.got("payment_intents", limit=2, starting_after=first["data"][-1]["id"])
    back = shop.got("payment_intents", limit=1, ending_before=three[0])

    assert (ids_of(first), first["has_more"], first["url"]) == ([three[2], three[1]], True, "/v1/payment_intents")
    assert (ids_of(second), second["has_more"]) == ([three[0]], False)
    assert (ids_of(back), back["has_more"]) == ([three[1]], True)


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ({"limit": 0}, "parameter_invalid_integer", "limit"),
        ({"limit": 101}, "parameter_invalid_integer", "limit"),
        ({"starting_after": "pi_nobody"}, "resource_missing", "starting_after"),
        ({"starting_after": "a", "ending_before": "b"}, None, None),
        ({"created[near]": "5"}, "parameter_unknown", "created[near]"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
    ],
)
def test_wrong_list_is_refused(shop, three, query, code, param):
    assert error_of(shop.get("payment_intents", **query)) == (400, BAD, code, param)


def test_list_is_filtered_by_time_and_owner(shop, three):
    created = shop.got(f"payment_intents/{three[0]}")["created"]

    none = shop.got("payment_intents", **{"created[lt]": created})
    all_of_them = shop.got("payment_intents", **{"created[gte]": created})
    charges = shop.got("charges", payment_intent=three[1])

    assert (ids_of(none), ids_of(all_of_them)) == ([], three[::-1])
    assert [charge["amount"] for charge in charges["data"]] == [2000]
    assert ids_of(shop.got("charges", payment_intent=three[0])) == []


def test_sessions_are_found_by_their_intent_and_status(shop):
    paid = shop.pay_session()
    open_one = shop.open_session()

    assert ids_of(shop.got("checkout/sessions", payment_intent=paid["payment_intent"])) == [paid["id"]]
    assert ids_of(shop.got("checkout/sessions", status="open")) == [open_one["id"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['order']:'2'", [1]),
        ('metadata["order"]:"2"', [1]),
        ("-metadata['order']:'2'", [2, 0]),
        ("metadata['order']:null", []),
        ("status:'succeeded'", [1]),
        ("status:'succeeded' OR metadata['order']:'3'", [2, 1]),
        ("currency:'kes' AND amount>=2000", [2, 1]),
        ("amount:1000", [0]),
        ("amount<2000 and -status:'succeeded'", [0]),
        ("status~'succ'", [1]),
    ],
)
def test_search_finds_what_fits(shop, three, query, found):
    result = shop.got("payment_intents/search", query=query)

    assert (result["object"], result["url"]) == ("search_result", "/v1/payment_intents/search")
    assert (ids_of(result), result["has_more"], result["next_page"]) == ([three[n] for n in found], False, None)


def test_search_has_pages(shop, three):
    first = shop.got("payment_intents/search", query="currency:'kes'", limit=2)
    second = shop.got("payment_intents/search", query="currency:'kes'", limit=2, page=first["next_page"])

    assert (ids_of(first), first["has_more"]) == ([three[2], three[1]], True)
    assert (ids_of(second), second["has_more"], second["next_page"]) == ([three[0]], False, None)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status",
        "status:",
        "status:'a' AND",
        "colour:'red'",
        "metadata:'x'",
        "status['a']:'x'",
        "amount:'x'",
        "status>'a'",
        "a:'1' AND b:'2' OR c:'3'",
        "status:'a' AND status:'b' OR status:'c'",
    ],
)
def test_search_that_cannot_be_read_is_refused(shop, three, query):
    answer = shop.get("payment_intents/search", query=query)

    assert (answer.status_code, error_of(answer)[1], error_of(answer)[3]) == (400, BAD, "query")


def test_search_lags_by_a_fault(shop, three):
    shop.faults("stripe_list_search_lags")

    lagging = shop.got("payment_intents/search", query="status:'succeeded'")
    later = shop.got("payment_intents/search", query="status:'succeeded'")

    assert (ids_of(lagging), ids_of(later)) == ([], [three[1]])


def test_ids_are_expanded_where_it_is_asked_for(shop):
    session = shop.pay_session()

    found = shop.got(
        f"checkout/sessions/{session['id']}",
        **{"expand[]": ["payment_intent.latest_charge.balance_transaction", "line_items"]},
    )
    listed = shop.got("checkout/sessions", **{"expand[]": "data.payment_intent"})

    assert found["payment_intent"]["latest_charge"]["balance_transaction"]["net"] == 145620
    assert [item["quantity"] for item in found["line_items"]["data"]] == [1]
    assert listed["data"][0]["payment_intent"]["id"] == session["payment_intent"]


@pytest.mark.parametrize("path", ["amount", "nothing", "latest_charge.a.b.c.d", "payment_method.card"])
def test_what_cannot_be_expanded_is_refused(shop, path):
    intent = shop.paid_intent()

    answer = shop.get(f"payment_intents/{intent['id']}", **{"expand[]": path})

    assert error_of(answer)[1::2] == (BAD, "expand")


def test_expansion_that_fails_makes_nothing(shop):
    answer = shop.post("payment_intents", shop.intent_fields(**{"expand[]": "nothing"}))

    assert (answer.status_code, shop.got("payment_intents")["data"]) == (400, [])


def test_events_are_listed_and_found(shop):
    intent = shop.paid_intent()

    events = shop.got("events")["data"]
    by_type = shop.got("events", type="payment_intent.*")["data"]
    by_types = shop.got("events", **{"types[]": ["charge.succeeded", "payment_intent.created"]})["data"]

    assert [event["type"] for event in by_type] == ["payment_intent.succeeded", "payment_intent.created"]
    assert [event["type"] for event in by_types] == ["charge.succeeded", "payment_intent.created"]
    assert shop.got(f"events/{events[0]['id']}") == events[0]
    assert events[0]["data"]["object"] == intent
    assert error_of(shop.get("events/evt_nobody")) == (404, BAD, "resource_missing", "id")
