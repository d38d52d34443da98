"""``/v1/notifications``: the check of a signature, webhooks made by the API, events sent again."""

import pytest

from tests.simulator.paypal.shop import WEBHOOK_ID, issue_of
from tests.simulator.paypal.signatures import is_genuine, verified_by_paypal

URL = "/v1/notifications"


@pytest.fixture
def message(shop, inbox):
    shop.approved()
    return inbox.wait()[0]


def changed(message, name, value):
    message.headers[f"paypal-{name}"] = value
    return message


def test_genuine_webhook_is_confirmed(shop, message):
    assert verified_by_paypal(shop, message) == "SUCCESS"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth-algo", "SHA1withRSA"),
        ("cert-url", "http://127.0.0.1/v1/notifications/certs/CERT-other"),
        ("transmission-id", "0f3a9b52-6c1e-11f0-9d47-2b8e6a51c3d4"),
        ("transmission-sig", "bm90IGEgc2lnbmF0dXJl"),
        ("transmission-sig", "%%%"),
        ("transmission-time", "2026-11-21T08:05:46Z"),
    ],
)
def test_webhook_with_another_header_is_not_confirmed(shop, message, name, value):
    assert verified_by_paypal(shop, changed(message, name, value)) == "FAILURE"


def test_webhook_with_another_id_or_body_is_not_confirmed(shop, message):
    assert verified_by_paypal(shop, message, webhook_id="8EX13806WE220947H") == "FAILURE"
    assert verified_by_paypal(shop, message, event=message.body.replace("11.63", "99.99")) == "FAILURE"


@pytest.mark.parametrize("blanks", ["", "  ", "\n"])
def test_event_is_taken_as_it_stands_in_the_body(shop, message, blanks):
    assert verified_by_paypal(shop, message, event=f"{blanks}{message.body}{blanks}") == "SUCCESS"


@pytest.mark.parametrize(
    "name",
    [
        "auth_algo",
        "cert_url",
        "transmission_id",
        "transmission_sig",
        "transmission_time",
        "webhook_id",
        "webhook_event",
    ],
)
def test_check_wants_every_field(shop, name):
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")
    body = {**dict.fromkeys(names, "x"), "webhook_event": {"id": "WH-1"}}
    body.pop(name)

    answer = shop.post(f"{URL}/verify-webhook-signature", body)

    assert issue_of(answer) == (400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER", f"/{name}")


def test_webhook_of_the_settings_is_listed(shop, inbox):
    webhook = shop.got(f"{URL}/webhooks")["webhooks"][0]

    assert (webhook["id"], webhook["url"]) == (WEBHOOK_ID, f"{inbox.url}/paypal/")
    assert webhook["event_types"] == [{"name": "*", "status": "ENABLED"}]
    assert shop.got(f"{URL}/webhooks/{WEBHOOK_ID}") == webhook


def test_webhook_of_the_api_has_an_id_of_its_own(shop, inbox):
    shop.http.post("/control/webhooks", json={"paypal": ""})
    body = {"url": f"{inbox.url}/own/", "event_types": [{"name": "PAYMENT.CAPTURE.COMPLETED"}]}

    response = shop.post(f"{URL}/webhooks", body)
    shop.paid()

    webhook = response.json()
    message = inbox.wait()[0]
    assert (response.status_code, shop.got(f"{URL}/webhooks")["webhooks"]) == (201, [webhook])
    assert (message.path, message.json["event_type"]) == ("/own/", "PAYMENT.CAPTURE.COMPLETED")
    assert is_genuine(shop, message, webhook["id"])
    assert verified_by_paypal(shop, message, webhook["id"]) == "SUCCESS"
    assert len(shop.wait_until_delivered(1)) == 1


def test_webhook_can_be_deleted(shop, inbox):
    body = {"url": f"{inbox.url}/own/", "event_types": [{"name": "*"}]}
    webhook = shop.post(f"{URL}/webhooks", body).json()

    deleted = shop.http.delete(f"{URL}/webhooks/{webhook['id']}", headers=shop.headers)
    shop.approved()

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [message.path for message in inbox.wait()] == ["/paypal/"]
    assert shop.get(f"{URL}/webhooks/{webhook['id']}").status_code == 404
    assert len(shop.wait_until_delivered(1)) == 1


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"url": None}, "INVALID_REQUEST"),
        ({"url": "shop.example"}, "INVALID_REQUEST"),
        ({"event_types": []}, "INVALID_REQUEST"),
        ({"event_types": ["*"]}, "INVALID_REQUEST"),
        ({"url": "TAKEN"}, "WEBHOOK_URL_ALREADY_EXISTS"),
    ],
)
def test_wrong_webhook_is_refused(shop, inbox, changes, name):
    body = {"url": f"{inbox.url}/own/", "event_types": [{"name": "*"}], **changes}
    body = {key: f"{inbox.url}/paypal/" if value == "TAKEN" else value for key, value in body.items()}

    assert issue_of(shop.post(f"{URL}/webhooks", body))[:2] == (400, name)
    assert len(shop.got(f"{URL}/webhooks")["webhooks"]) == 1


def test_event_is_found_and_sent_again_under_its_id(shop, inbox, message):
    event = shop.got(f"{URL}/webhooks-events/{message.json['id']}")

    answer = shop.post(f"{URL}/webhooks-events/{event['id']}/resend", {})

    again = inbox.wait(2)[1]
    assert (event, answer.status_code) == (message.json, 202)
    assert again.body == message.body
    assert again.headers["paypal-transmission-id"] != message.headers["paypal-transmission-id"]
    assert is_genuine(shop, again)


def test_events_are_listed_newest_first_and_by_type(shop):
    shop.paid()

    every = shop.got(f"{URL}/webhooks-events")
    one = shop.got(f"{URL}/webhooks-events", event_type="CHECKOUT.ORDER.APPROVED")

    assert [event["event_type"] for event in every["events"]] == [
        "CHECKOUT.ORDER.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
        "CHECKOUT.ORDER.APPROVED",
    ]
    assert (every["count"], one["count"]) == (3, 1)


def test_unknown_event_is_a_404(shop):
    answers = [
        shop.get(f"{URL}/webhooks-events/WH-nobody"),
        shop.post(f"{URL}/webhooks-events/WH-nobody/resend", {}),
        shop.get(f"{URL}/webhooks/nobody"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 3
