"""Customers who act by themselves."""

import time

import pytest

from tests.simulator.merchant import wait_for


def status(control, reference):
    return control.payment(reference)["status"]


def rules(control):
    return control.http.get("/control/auto-checkout").json()["auto_checkouts"]


def test_rule_pays_what_opens_at_every_provider(control, paystack, chapa):
    control.auto_checkout()

    paystack.start("P-1")
    chapa.start("C-1")

    wait_for(lambda: [status(control, reference) for reference in ("P-1", "C-1")] == ["successful"] * 2)
    assert control.open_checkouts() == []


def test_rule_takes_up_what_is_open_already(control, chapa):
    chapa.start()
    before = control.open_checkouts()

    control.auto_checkout(provider="chapa", action="pay-mpesa")

    wait_for(lambda: control.open_checkouts() == [])
    assert (len(before), chapa.verified()["method"]) == (1, "mpesa")


def test_rule_of_the_reference_goes_before_the_providers_and_that_before_everybodys(control, paystack, chapa):
    control.auto_checkout(action="pay")
    control.auto_checkout(provider="chapa", action="cancel")
    control.auto_checkout(reference="C-2", action="fail-card")

    paystack.start("P-1")
    chapa.start("C-1")
    chapa.start("C-2")

    wait_for(lambda: chapa.payment("C-2")["tries"] == 1)
    wait_for(lambda: status(control, "P-1") == "successful")
    assert chapa.payment("C-1")["provider_status"] == "cancelled"
    assert [checkout["reference"] for checkout in control.open_checkouts()] == ["C-2"]


def test_rule_waits_its_time(control, chapa):
    control.auto_checkout(action="pay", delay_seconds=0.4)

    chapa.start()
    time.sleep(0.15)
    early = status(control, "ORD-1001-a1")

    assert early == "waiting"
    wait_for(lambda: status(control, "ORD-1001-a1") == "successful")


def test_person_may_be_faster_than_the_rule(control, chapa):
    control.auto_checkout(action="pay", delay_seconds=0.3)
    chapa.start()

    chapa.act("ORD-1001-a1", "cancel")
    time.sleep(0.4)

    assert chapa.payment("ORD-1001-a1")["provider_status"] == "cancelled"


def test_rule_with_an_action_that_a_page_has_not_leaves_it_open(control, chapa):
    control.auto_checkout(action="dance")

    chapa.start()

    time.sleep(0.1)
    assert [checkout["state"] for checkout in control.open_checkouts()] == ["open"]


def test_rule_is_replaced_by_another_of_the_same_place(control):
    control.auto_checkout(provider="chapa", action="pay", delay_seconds=3)
    control.auto_checkout(provider="chapa", action="cancel")

    assert rules(control) == [{"provider": "chapa", "reference": None, "action": "cancel", "delay_seconds": 0.0}]


def test_later_rule_puts_an_end_to_what_the_earlier_one_was_about_to_do(control, chapa):
    control.auto_checkout(action="pay", delay_seconds=0.3)
    chapa.start()

    control.auto_checkout(provider="chapa", action="cancel", delay_seconds=0.6)

    wait_for(lambda: chapa.payment("ORD-1001-a1")["provider_status"] == "cancelled")


@pytest.mark.parametrize("way", ["clear", "reset"])
def test_rules_end_with_what_was_about_to_happen_by_them(control, chapa, way):
    control.auto_checkout(action="pay", delay_seconds=0.3)
    chapa.start()

    if way == "clear":
        control.http.delete("/control/auto-checkout")
    else:
        control.http.post("/control/reset")
        chapa.start()
    time.sleep(0.4)

    assert (rules(control), status(control, "ORD-1001-a1")) == ([], "waiting")


@pytest.mark.parametrize(
    "rule",
    [
        [],
        {"provider": "mpesa"},
        {"provider": ["chapa"]},
        {"action": ""},
        {"action": 5},
        {"reference": ""},
        {"delay_seconds": -1},
        {"delay_seconds": 3601},
        {"delay_seconds": True},
        {"pin": "1234"},
    ],
)
def test_rule_that_cannot_be_is_refused(control, rule):
    response = control.http.post("/control/auto-checkout", json=rule)

    assert (response.status_code, set(response.json()), rules(control)) == (400, {"error"}, [])
