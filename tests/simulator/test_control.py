import pytest

from tests.simulator.merchant import MSISDN, wait_for


def show(merchant):
    return merchant.http.get("/control/faults").json()


def struck_by(merchant, seed):
    """Return which of 30 pushes are refused under a seed, queries in between."""
    merchant.http.post("/control/reset")
    merchant.faults(seed=seed, probabilities={"push_500_before": 0.4, "query_4999": 0.5})
    merchant.auto_answer(msisdn="*", action="cancel")
    answers = []
    for number in range(30):
        response = merchant.push(msisdn=f"2547000000{number:02d}", Amount=1)
        answers.append(response.status_code)
        if response.status_code == 200 and seed == 7:
            merchant.query(response.json()["CheckoutRequestID"])
    return answers


def test_faults_by_probability_follow_the_seed(merchant):
    first = struck_by(merchant, 7)
    again = struck_by(merchant, 7)
    other = struck_by(merchant, 8)

    assert first == again
    assert first != other
    assert 4 <= first.count(500) <= 20


def test_faults_queue_strikes_the_next_pushes_in_order(merchant):
    merchant.faults({"fault": "push_500_before", "count": 2}, "push_locked")

    codes = [merchant.push().json().get("errorCode") for _ in range(4)]

    assert codes == ["500.003.1001", "500.003.1001", "500.001.1001", None]
    assert show(merchant)["queue"] == []
    assert show(merchant)["struck"] == {"push_500_before": 2, "push_locked": 1}


def test_faults_queue_waits_for_its_phone(merchant):
    merchant.faults({"fault": "push_500_before", "msisdn": "0722000111"})

    statuses = [merchant.push(msisdn=msisdn).status_code for msisdn in (MSISDN, "254722000111")]

    assert statuses == [200, 500]


def test_faults_queue_is_not_used_up_by_a_refused_push(merchant):
    merchant.faults("push_500_before")

    statuses = [merchant.push(Amount=0).status_code, merchant.push().status_code]

    assert statuses == [400, 500]


def test_faults_queue_is_not_used_up_while_the_phone_is_locked(merchant):
    merchant.start()
    merchant.faults("push_500_before")

    answers = [merchant.push().json(), merchant.push(msisdn="254722000111").json()]

    assert answers[0]["errorMessage"].startswith("Unable to lock subscriber")
    assert answers[1]["errorCode"] == "500.003.1001"


def test_faults_are_shown_and_cleared(merchant):
    merchant.faults({"faults": ["callback_lost"], "count": 3}, seed=5, probabilities={"query_4999": 0.5})
    shown = show(merchant)

    cleared = merchant.http.delete("/control/faults").json()

    assert shown["seed"] == 5
    assert shown["probabilities"] == {"query_4999": 0.5}
    assert shown["queue"] == [{"faults": [{"fault": "callback_lost"}], "count": 3, "msisdn": None, "reference": None}]
    assert shown["known"]["callback_late"]["parameters"] == {"seconds": 5.0}
    assert (cleared["seed"], cleared["probabilities"], cleared["queue"]) == (0, {}, [])


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        [],
        {"faults": []},
        {"seed": "7"},
        {"probabilities": {"nonsense": 0.5}},
        {"probabilities": {"callback_lost": 1.5}},
        {"probabilities": {"callback_lost": True}},
        {"queue": "callback_lost"},
        {"queue": ["nonsense"]},
        {"queue": [{"fault": "callback_late", "minutes": 1}]},
        {"queue": [{"fault": "callback_late", "seconds": -1}]},
        {"queue": [{"fault": "callback_doubled", "times": 1.5}]},
        {"queue": [{"fault": "callback_doubled", "parallel": 1}]},
        {"queue": [{"fault": "payment_result", "code": "0"}]},
        {"queue": [{"fault": "callback_lost", "count": 0}]},
        {"queue": [{"fault": "callback_lost", "msisdn": "12"}]},
        {"queue": [{"faults": []}]},
        {"queue": [{"faults": ["callback_lost", "oauth_500"]}]},
    ],
)
def test_faults_that_make_no_sense_are_refused_and_change_nothing(merchant, wanted):
    merchant.faults("callback_lost", probabilities={"query_4999": 0.5})
    before = show(merchant)

    response = merchant.http.post("/control/faults", json=wanted)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert show(merchant) == before


def test_delivery_happens_once_whatever_is_answered(merchant, receiver):
    receiver.status, receiver.location = 302, f"{receiver.url}/elsewhere/"
    merchant.pay()
    receiver.stk()
    receiver.status, receiver.location = 500, ""
    merchant.pay()
    receiver.stk(2)
    merchant.callback_url = "http://127.0.0.1:9/closed/"
    merchant.pay()

    wait_for(lambda: [d["state"] for d in merchant.deliveries()] == ["answered", "answered", "failed"])
    redirected, failed, refused = merchant.deliveries()
    assert (redirected["status"], failed["status"], refused["status"]) == (302, 500, None)
    assert redirected["answer"] == '{"ResultCode": 0, "ResultDesc": "Accepted"}'
    assert refused["error"].startswith("ConnectionRefusedError")
    assert [path for path, _, _ in receiver.requests] == ["/cb/", "/cb/"]
    assert redirected["body"] == receiver.requests[0][2]
    assert None not in (redirected["sent_at"], redirected["finished_at"])


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/cb/",
        "http://127.0.0.1.nip.example/cb/",
        "http://10.0.0.1/cb/",
        "http://localhost@10.0.0.1/cb/",
        "http://[2001:db8::1]/cb/",
    ],
)
def test_delivery_to_another_machine_is_refused(merchant, url):
    merchant.pay(CallBackURL=url)

    delivery = merchant.deliveries()[0]
    assert (delivery["url"], delivery["state"], delivery["sent_at"]) == (url, "refused", None)
    assert delivery["error"] == "not a loopback address, so it was not contacted"


def test_delivery_to_localhost_by_name_is_sent(merchant, receiver):
    merchant.pay(CallBackURL=receiver.url.replace("127.0.0.1", "localhost") + "/named/")

    assert receiver.result_codes(1) == [0]


def test_deliveries_can_be_asked_for_by_payment(merchant, receiver):
    merchant.pay()
    checkout = merchant.pay(msisdn="254722000111")
    receiver.stk(2)

    listing = merchant.http.get(f"/control/deliveries?payment_id={checkout}").json()

    assert listing["count"] == 1
    assert [delivery["payment_id"] for delivery in listing["deliveries"]] == [checkout]


def test_books_are_filtered_and_paged(merchant):
    for number in range(3):
        merchant.pay(AccountReference=f"R{number}", Amount=number + 1, msisdn=f"25471234567{number}")

    by_reference = merchant.http.get("/control/books?reference=R1").json()
    by_phone = merchant.http.get("/control/books?msisdn=0712345672").json()
    page = merchant.http.get("/control/books?limit=1&offset=1").json()

    assert [payment["reference"] for payment in by_reference["payments"]] == ["R1"]
    assert [payment["reference"] for payment in by_phone["payments"]] == ["R2"]
    assert [payment["reference"] for payment in page["payments"]] == ["R1"]
    assert page["totals"]["captured"] == {"KES": "6.00"}


def test_reset_forgets_everything_but_the_token(merchant, receiver):
    merchant.pay()
    receiver.stk()
    merchant.start()
    merchant.faults({"fault": "callback_late", "seconds": 0.3})
    merchant.pay(msisdn="254722000111")
    merchant.auto_answer(msisdn="0733000222", pin="1234")

    merchant.http.post("/control/reset")

    assert merchant.books()["payments"] == []
    assert merchant.deliveries() == []
    assert merchant.prompts() == []
    assert merchant.messages() == []
    assert merchant.http.get("/phone/api/phones").json()["phones"] == []
    assert merchant.http.get("/control/auto-answer").json() == {"auto_answers": []}
    assert merchant.push().status_code == 200
    assert len(receiver.requests) == 1


def test_auto_answer_of_one_phone_goes_before_that_of_all(merchant, receiver):
    merchant.auto_answer(msisdn="*", pin="1234")
    merchant.auto_answer(msisdn="0722000111", action="cancel")

    merchant.start()
    receiver.stk()
    merchant.start(msisdn="254722000111")

    assert receiver.result_codes(2) == [0, 1032]


@pytest.mark.parametrize(
    ("rule", "code"), [({"pin": "1234"}, 0), ({"pin": "0000"}, 2001), ({"action": "timeout"}, 1037)]
)
def test_auto_answer_answers_after_its_delay(merchant, receiver, rule, code):
    merchant.auto_answer(msisdn="*", delay_seconds=0.2, **rule)

    merchant.start()
    waiting = merchant.prompts()

    assert len(waiting) == 1
    assert receiver.result_codes(1) == [code]


def test_auto_answer_takes_up_prompts_that_wait_already(merchant, receiver):
    merchant.start()

    merchant.auto_answer()

    assert receiver.result_codes(1) == [0]


def test_auto_answer_leaves_a_prompt_that_was_answered_by_hand(merchant, receiver):
    merchant.auto_answer(msisdn="*", pin="1234", delay_seconds=0.2)

    merchant.answer(merchant.start(), action="cancel")
    merchant.start()

    assert receiver.result_codes(2) == [1032, 0]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"msisdn": "*"},
        {"pin": "1234", "action": "cancel"},
        {"action": "pay"},
        {"pin": 1234},
        {"msisdn": "12", "pin": "1234"},
        {"pin": "1234", "delay_seconds": -1},
        {"pin": "1234", "delay": 1},
    ],
)
def test_auto_answer_that_makes_no_sense_is_refused(merchant, rule):
    response = merchant.http.post("/control/auto-answer", json=rule)

    assert response.status_code == 400
    assert merchant.http.get("/control/auto-answer").json() == {"auto_answers": []}


def test_auto_answers_can_be_cleared(merchant):
    merchant.auto_answer()

    answer = merchant.http.delete("/control/auto-answer").json()

    assert answer == {"auto_answers": []}
