"""The carrier of text messages: what it takes, what it refuses, and who sees it."""

import pytest

SEND = "/version1/messaging"
HEADERS = {"apiKey": "simulator-sms-key", "Accept": "application/json"}
FORM = {"username": "sandbox", "to": "+254712345678", "message": "Habari", "from": "SHOP", "enqueue": "1"}


@pytest.fixture
def http(shared_simulator):
    shared_simulator.http.post("/control/reset")
    return shared_simulator.http


@pytest.mark.parametrize("path", [SEND, "/africastalking/version1/messaging", f"{SEND}/"])
def test_message_is_taken_kept_and_shown_on_the_phone(http, path):
    answer = http.post(path, data=FORM, headers=HEADERS)

    assert answer.status_code == 201
    data = answer.json()["SMSMessageData"]
    [recipient] = data["Recipients"]
    assert data["Message"] == "Sent to 1/1 Total Cost: KES 0.8000"
    assert recipient | {"messageId": ""} == {
        "statusCode": 101, "number": "+254712345678", "status": "Success", "cost": "KES 0.8000", "messageId": "",
    }  # fmt: skip
    [kept] = http.get("/africastalking/messages", params={"to": "+254712345678"}).json()["messages"]
    assert (kept["id"], kept["text"], kept["from"]) == (recipient["messageId"], "Habari", "SHOP")
    inbox = http.get("/phone/api/messages", params={"msisdn": "254712345678"}).json()["messages"]
    assert [message["text"] for message in inbox] == ["Habari"]
    assert [phone["msisdn"] for phone in http.get("/phone/api/phones").json()["phones"]] == ["254712345678"]


def test_foreign_number_is_kept_without_a_phone(http):
    http.post(SEND, data=FORM | {"to": "+256772123456"}, headers=HEADERS)

    assert [kept["to"] for kept in http.get("/africastalking/messages").json()["messages"]] == ["+256772123456"]
    assert http.get("/phone/api/phones").json()["phones"] == []


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        (FORM, {}, 401),
        (FORM, HEADERS | {"apiKey": "other"}, 401),
        (FORM | {"username": "other"}, HEADERS, 401),
        (FORM | {"to": ""}, HEADERS, 400),
        (FORM | {"message": " "}, HEADERS, 400),
    ],
)
def test_what_is_not_in_order_is_refused_and_not_kept(http, form, headers, status):
    assert http.post(SEND, data=form, headers=headers).status_code == status
    assert http.get("/africastalking/messages").json() == {"messages": []}


def test_number_that_is_none_is_refused_by_itself(http):
    answer = http.post(SEND, data=FORM | {"to": "0712345678,+254712345678"}, headers=HEADERS).json()

    assert [recipient["statusCode"] for recipient in answer["SMSMessageData"]["Recipients"]] == [403, 101]


def test_json_body_is_not_the_wire_format(http):
    assert http.post(SEND, json=FORM, headers=HEADERS).status_code == 415


def test_fault_keeps_the_message_from_being_sent(http):
    fault = {"fault": "africastalking_sms_status", "code": 405, "msisdn": "0712345678"}
    http.post("/control/faults", json={"queue": [fault]})

    [recipient] = http.post(SEND, data=FORM, headers=HEADERS).json()["SMSMessageData"]["Recipients"]

    assert (recipient["statusCode"], recipient["status"]) == (405, "InsufficientBalance")
    assert http.get("/africastalking/messages").json() == {"messages": []}
