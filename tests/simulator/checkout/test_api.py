"""The checkout page's JSON API, the same for every provider."""

import re

import pytest

from simulator.checkout.routes import ASSETS
from tests.simulator.chapa.merchant import RETURN_URL

OUTSIDE = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w.-]+\.\w+|@import")


def test_open_checkouts_are_listed_by_provider_oldest_first(control, paystack, chapa):
    chapa.start("C-1")
    paystack.start("P-1")
    paystack.start("P-2")
    paystack.start("P-3")
    paystack.act("P-2", "pay-card")

    everything = [(checkout["provider"], checkout["reference"]) for checkout in control.open_checkouts()]

    assert everything == [("paystack", "P-1"), ("paystack", "P-3"), ("chapa", "C-1")]
    assert [checkout["reference"] for checkout in control.open_checkouts("P-3")] == ["P-3"]
    assert control.open_checkouts("P-2") == []


def test_checkout_names_what_the_customer_can_do(control, paystack, chapa):
    paystack.start("P-1")
    chapa.start("C-1")

    for reference, provider, amount in (("P-1", "paystack", "1500.00"), ("C-1", "chapa", "400.00")):
        listed = control.open_checkouts(reference)[0]
        alone = control.http.get(f"/checkout/api/{provider}/{listed['id']}").json()
        assert alone == listed
        assert (alone["provider"], alone["amount"], alone["state"], alone["note"]) == (provider, amount, "open", "")
        assert all(set(action) == {"name", "label", "outcome"} for action in alone["actions"])
        assert {action["outcome"] for action in alone["actions"]} == {"paid", "failed", "cancelled"}
        assert all(action["label"] for action in alone["actions"])


def test_finished_checkout_offers_nothing_but_the_way_back(control, chapa):
    chapa.start()
    code = control.open_checkouts()[0]["id"]

    following = control.http.post(f"/checkout/api/chapa/{code}/pay-card").json()
    finished = control.http.get(f"/checkout/api/chapa/{code}").json()

    assert following == {"next": RETURN_URL}
    assert (finished["state"], finished["actions"], finished["return_url"]) == ("paid", [], RETURN_URL)


def test_action_on_a_finished_checkout_is_refused_and_does_nothing(control, chapa):
    chapa.start()
    code = control.open_checkouts()[0]["id"]
    control.http.post(f"/checkout/api/chapa/{code}/cancel")

    response = control.http.post(f"/checkout/api/chapa/{code}/pay-card")

    assert (response.status_code, response.json()) == (409, {"error": "This checkout is no longer open."})
    assert control.books()["totals"]["captured"] == {}


def test_action_that_there_is_not_is_refused_and_does_nothing(control, chapa):
    chapa.start()
    code = control.open_checkouts()[0]["id"]

    response = control.http.post(f"/checkout/api/chapa/{code}/give-away")

    assert (response.status_code, response.json()) == (404, {"error": "This checkout has no such action."})
    assert control.open_checkouts()[0]["state"] == "open"


@pytest.mark.parametrize("provider", ["paystack", "chapa", "mpesa", "nobody"])
def test_unknown_checkout_is_not_found(control, provider):
    responses = [
        control.http.get(f"/checkout/api/{provider}/nothing"),
        control.http.post(f"/checkout/api/{provider}/nothing/pay-card"),
    ]

    assert [(response.status_code, response.json()) for response in responses] == [
        (404, {"error": "There is no such checkout."})
    ] * 2


def test_checkout_of_one_provider_is_not_anothers(control, chapa):
    chapa.start()
    code = control.open_checkouts()[0]["id"]

    assert control.http.get(f"/checkout/api/paystack/{code}").status_code == 404


def test_asking_does_not_act(control, chapa):
    chapa.start()
    code = control.open_checkouts()[0]["id"]

    assert control.http.get(f"/checkout/api/chapa/{code}/pay-card").status_code == 405
    assert control.open_checkouts()[0]["state"] == "open"


@pytest.mark.parametrize("path", ["/checkout/", "/checkout/chapa/anything"])
def test_page_may_load_nothing_from_elsewhere(control, path):
    response = control.http.get(path)

    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' data:;")


@pytest.mark.parametrize("name", ["index.html", "checkout.css", "checkout.js"])
def test_assets_name_no_other_machine(control, name):
    served = control.http.get(f"/checkout/assets/{name}")

    assert served.status_code == 200
    assert served.text == (ASSETS / name).read_text()
    assert OUTSIDE.findall(served.text) == []


@pytest.mark.parametrize("path", ["%2e%2e/routes.py", "../routes.py", "nothing.js"])
def test_assets_are_all_that_is_served(control, path):
    assert control.http.get(f"/checkout/assets/{path}").status_code == 404
