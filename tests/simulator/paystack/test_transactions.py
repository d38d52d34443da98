"""Hosted transactions: the start, the page's actions, and every way to ask about them."""

import pytest

from tests.simulator.paystack.merchant import CALLBACK_URL, SECRET_KEY

ERROR_KEYS = {"status", "message", "meta", "type", "code"}


def test_initialize_answers_the_page_and_the_reference(paystack):
    response = paystack.initialize()

    answer = response.json()
    code = answer["data"]["access_code"]
    assert response.status_code == 200
    assert answer == {
        "status": True,
        "message": "Authorization URL created",
        "data": {
            "authorization_url": f"{str(paystack.http.base_url).rstrip('/')}/checkout/paystack/{code}",
            "access_code": code,
            "reference": "ORD-1001-a1",
        },
    }
    assert paystack.http.get(answer["data"]["authorization_url"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "message", "code"),
    [
        ({"email": None}, "Email Address is required", "missing_params"),
        ({"email": "nobody"}, "Invalid Email Address Passed", "invalid_params"),
        ({"email": 5}, "Invalid Email Address Passed", "invalid_params"),
        ({"amount": None}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": 0}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": -150000}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": 1500.5}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": "1500.00"}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": True}, "Invalid Amount Sent", "invalid_params"),
        ({"amount": 299}, "Invalid Amount Sent", "invalid_params"),
        ({"currency": "EUR"}, "Currency not supported by merchant", "invalid_params"),
        ({"currency": "NGN", "amount": 4999}, "Invalid Amount Sent", "invalid_params"),
        ({"reference": "under_score"}, "Invalid reference", "invalid_params"),
        ({"reference": "a b"}, "Invalid reference", "invalid_params"),
        ({"callback_url": "pay/return"}, "Invalid callback URL", "invalid_params"),
        ({"callback_url": "javascript:alert(1)"}, "Invalid callback URL", "invalid_params"),
        ({"channels": ["cash"]}, "Invalid channels", "invalid_params"),
        ({"channels": []}, "Invalid channels", "invalid_params"),
        ({"metadata": 5}, "Invalid metadata", "invalid_params"),
        ({"metadata": "{"}, "Invalid metadata", "invalid_params"),
        ({"label": ["x"]}, "Invalid label passed", "invalid_params"),
    ],
)
def test_initialize_that_cannot_be_is_refused_in_paystacks_form(paystack, changes, message, code):
    response = paystack.initialize(**changes)

    answer = response.json()
    assert (response.status_code, set(answer)) == (400, ERROR_KEYS)
    assert (answer["status"], answer["message"], answer["code"]) == (False, message, code)
    assert (answer["type"], set(answer["meta"])) == ("validation_error", {"nextStep"})
    assert paystack.books()["payments"] == []


@pytest.mark.parametrize("reference", ["ORD-1001-a1", "a.b=c-D9"])
def test_reference_used_again_is_a_duplicate_and_changes_nothing(paystack, reference):
    paystack.start(reference)

    again = paystack.initialize(reference=reference, amount=99900)
    charged = paystack.charge(reference=reference)

    for response in (again, charged):
        answer = response.json()
        assert (response.status_code, answer["message"]) == (400, "Duplicate Transaction Reference")
        assert (answer["type"], answer["code"]) == ("validation_error", "duplicate_reference")
    assert [payment["amount"] for payment in paystack.books()["payments"]] == ["1500.00"]


def test_reference_is_made_up_when_none_is_given(paystack):
    first, second = (paystack.initialize(reference=None).json()["data"]["reference"] for _ in range(2))

    assert first != second
    assert paystack.status(first) == "abandoned"


def test_amount_may_be_a_digit_string_and_the_currency_missing(paystack):
    paystack.initialize(amount="150000", currency=None)

    assert (paystack.verified()["amount"], paystack.verified()["currency"]) == (150000, "KES")


def test_form_bodies_are_taken_too(paystack):
    body = {
        "email": "amina@example.com",
        "amount": "150000",
        "reference": "FORM-1",
        "channels[]": "card",
        "metadata[order]": "7",
    }

    response = paystack.http.post("/transaction/initialize", data=body, headers=paystack.headers)

    assert response.status_code == 200
    assert paystack.verified("FORM-1")["metadata"] == {"order": "7"}
    actions = [action["name"] for action in paystack.open_checkouts("FORM-1")[0]["actions"]]
    assert all("card" in action or action in ("insufficient-funds", "cancel") for action in actions)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"email": "\\ud800"}', b'{"amount": NaN}', b"[" * 100_000])
def test_body_that_is_no_object_is_refused(paystack, body):
    headers = {**paystack.headers, "Content-Type": "application/json"}

    response = paystack.http.post("/transaction/initialize", content=body, headers=headers)

    assert (response.status_code, response.json()["message"]) == (400, "Invalid request body")


@pytest.mark.parametrize(
    "path", ["/transaction/verify/x", "/transaction", "/refund", "/transfer", "/balance", "/dispute"]
)
@pytest.mark.parametrize(
    "key", [None, "Bearer pk_test_simulator", f"Basic {SECRET_KEY}", f"Bearer {SECRET_KEY}x", SECRET_KEY]
)
def test_key_that_is_missing_or_wrong_is_a_401(paystack, path, key):
    response = paystack.http.get(path, headers={} if key is None else {"Authorization": key})

    assert (response.status_code, response.json()) == (401, {"status": False, "message": "Invalid key"})


def test_wrong_key_starts_nothing(paystack):
    paystack.headers = {"Authorization": "Bearer sk_test_other"}

    response = paystack.initialize()

    assert response.status_code == 401
    assert paystack.books()["payments"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/transaction/verify/a/b", 404),
        ("GET", "/refund/a/b/c", 404),
        ("DELETE", "/transaction/initialize", 405),
    ],
)
def test_path_that_is_none_is_answered_in_paystacks_form(paystack, method, path, status):
    response = paystack.http.request(method, path, headers=paystack.headers)

    assert response.status_code == status
    assert set(response.json()) == {"status", "message"}


@pytest.mark.parametrize("prefix", ["", "/paystack"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_routes_answer_at_the_root_under_the_name_and_with_a_slash(paystack, prefix, slash):
    paystack.start()

    statuses = [
        paystack.get(f"{prefix}/transaction{slash}").status_code,
        paystack.get(f"{prefix}/transaction/verify/ORD-1001-a1{slash}").status_code,
    ]

    assert statuses == [200, 200]


# --- the page


def test_card_pays_and_the_customer_goes_back_with_the_reference(paystack):
    paystack.start()

    answer = paystack.act("ORD-1001-a1", "pay-card").json()

    assert answer == {"next": f"{CALLBACK_URL}?trxref=ORD-1001-a1&reference=ORD-1001-a1"}
    data = paystack.verified()
    assert (data["status"], data["channel"], data["gateway_response"]) == ("success", "card", "Successful")
    assert (data["authorization"]["last4"], data["authorization"]["reusable"]) == ("4081", True)
    assert paystack.open_checkouts() == []


def test_return_address_keeps_its_own_query(paystack):
    paystack.start(callback_url=f"{CALLBACK_URL}?order=7")

    assert paystack.act("ORD-1001-a1", "pay-card").json()["next"] == (
        f"{CALLBACK_URL}?order=7&trxref=ORD-1001-a1&reference=ORD-1001-a1"
    )


def test_return_address_of_the_dashboard_stands_in(start_paystack):
    _, merchant = start_paystack(callback_url="http://127.0.0.1/dashboard")
    merchant.start(callback_url=None)

    following = merchant.act("ORD-1001-a1", "pay-card").json()["next"]

    assert following == "http://127.0.0.1/dashboard?trxref=ORD-1001-a1&reference=ORD-1001-a1"


@pytest.mark.parametrize(
    ("action", "channel", "text"),
    [
        ("decline-card", "card", "Declined"),
        ("insufficient-funds", "card", "Insufficient Funds"),
        ("fail-mpesa", "mobile_money", "Transaction was declined"),
    ],
)
def test_try_that_fails_leaves_the_transaction_open_and_is_not_told(paystack, inbox, action, channel, text):
    paystack.start()

    answer = paystack.act("ORD-1001-a1", action).json()

    data = paystack.verified()
    assert answer == {"next": ""}
    assert (data["status"], data["channel"], data["gateway_response"]) == ("failed", channel, text)
    assert (data["message"], data["fees"], data["authorization"], data["paid_at"]) == (text, None, {}, None)
    assert paystack.open_checkouts()[0]["note"] == text
    assert paystack.payment("ORD-1001-a1")["status"] == "waiting"
    assert (inbox.messages, paystack.deliveries()) == ([], [])


def test_customer_may_try_again_after_a_decline(paystack, inbox):
    paystack.start()

    paystack.act("ORD-1001-a1", "decline-card")
    paystack.act("ORD-1001-a1", "pay-mpesa")

    assert (paystack.status(), paystack.verified()["channel"]) == ("success", "mobile_money")
    assert [message.json["event"] for message in inbox.wait()] == ["charge.success"]


def test_customer_who_cancels_goes_where_the_metadata_says(paystack, inbox):
    paystack.start(metadata={"cancel_action": "http://127.0.0.1:8000/cancelled"})
    page = paystack.open_checkouts()[0]["id"]

    answer = paystack.act("ORD-1001-a1", "cancel").json()

    shown = paystack.http.get(f"/checkout/api/paystack/{page}").json()
    assert answer == {"next": "http://127.0.0.1:8000/cancelled"}
    assert (shown["state"], shown["actions"]) == ("cancelled", [])
    assert paystack.status() == "abandoned"
    assert paystack.payment("ORD-1001-a1")["status"] == "failed"
    assert inbox.messages == []


def test_customer_who_cancels_without_an_address_goes_back_to_the_merchant(paystack):
    paystack.start()

    assert paystack.act("ORD-1001-a1", "cancel").json()["next"].startswith(CALLBACK_URL)


def test_action_is_refused_when_it_is_none_or_the_page_is_closed(paystack):
    paystack.start()
    page = paystack.open_checkouts()[0]["id"]

    unknown = paystack.http.post(f"/checkout/api/paystack/{page}/pay-gold")
    paystack.act("ORD-1001-a1", "pay-card")
    again = paystack.http.post(f"/checkout/api/paystack/{page}/pay-card")

    assert (unknown.status_code, again.status_code) == (404, 409)
    assert paystack.books()["totals"]["captured"] == {"KES": "1500.00"}


def test_page_offers_the_channels_that_the_merchant_wants(paystack):
    paystack.start(channels=["mobile_money"])

    checkout = paystack.open_checkouts()[0]

    assert [action["name"] for action in checkout["actions"]] == ["pay-mpesa", "fail-mpesa", "cancel"]
    assert (checkout["amount"], checkout["currency"], checkout["merchant"]) == ("1500.00", "KES", "ByteMtaani")
    assert (checkout["customer"], checkout["state"]) == ("amina@example.com", "open")


def test_bank_transfer_of_a_wrong_amount_is_sent_back_and_told(paystack, inbox):
    paystack.start()

    paystack.act("ORD-1001-a1", "wrong-bank-transfer")

    event = inbox.wait()[0].json
    customer = event["data"].pop("customer")
    assert event == {
        "event": "bank.transfer.rejected",
        "data": {
            "bank_transfer": {
                "amount": "149900",
                "message": "incorrect amount sent",
                "message_type": "INCORRECT_AMOUNT",
                "transaction_id": paystack.payment("ORD-1001-a1")["id"],
            }
        },
    }
    assert customer["email"] == "amina@example.com"
    assert paystack.payment("ORD-1001-a1")["status"] == "waiting"


# --- asking


def test_verify_of_an_open_transaction_says_abandoned(paystack):
    paystack.start()

    response = paystack.verify()

    answer = response.json()
    data = answer["data"]
    assert (response.status_code, answer["status"], answer["message"]) == (200, True, "Verification successful")
    assert (data["status"], data["gateway_response"]) == ("abandoned", "The transaction was not completed")
    assert (data["paid_at"], data["fees"], data["authorization"]) == (None, None, {})


def test_verify_of_a_paid_transaction_has_every_field(paystack):
    paystack.pay(action="pay-mpesa")

    data = paystack.verified()

    authorization, customer = data.pop("authorization"), data.pop("customer")
    assert isinstance(data.pop("id"), int)
    for name in ("paid_at", "created_at"):
        camel = {"paid_at": "paidAt", "created_at": "createdAt"}[name]
        assert data[name].endswith("Z")
        assert data.pop(name) == data.pop(camel)
    assert data.pop("transaction_date").endswith("Z")
    assert data == {
        "domain": "test",
        "status": "success",
        "reference": "ORD-1001-a1",
        "receipt_number": None,
        "amount": 150000,
        "requested_amount": 150000,
        "currency": "KES",
        "message": None,
        "gateway_response": "Approved",
        "channel": "mobile_money",
        "ip_address": "127.0.0.1",
        "metadata": {"order": "1001"},
        "log": None,
        "fees": 2250,
        "fees_split": None,
        "plan": None,
        "split": {},
        "order_id": None,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
        "plan_object": {},
        "subaccount": {},
    }
    assert authorization.pop("authorization_code").startswith("AUTH_")
    assert authorization == {
        "bin": "071XXX",
        "last4": "X000",
        "exp_month": "12",
        "exp_year": "9999",
        "channel": "mobile_money",
        "card_type": "",
        "bank": "M-PESA",
        "country_code": "KE",
        "brand": "M-pesa",
        "reusable": False,
        "signature": None,
        "account_name": "AMINA OTIENO",
    }
    assert (customer["email"], customer["customer_code"][:4]) == ("amina@example.com", "CUS_")


def test_verify_of_an_unknown_reference_is_a_404(paystack):
    response = paystack.verify("NOBODY")

    answer = response.json()
    assert (response.status_code, answer["status"]) == (404, False)
    assert (answer["message"], answer["code"]) == ("Transaction reference not found", "transaction_not_found")


def test_metadata_comes_back_as_an_object_from_json_in_a_string_and_empty_from_nothing(paystack):
    paystack.start("M-1", metadata='{"order": "7"}')
    paystack.start("M-2", metadata=None)

    assert paystack.verified("M-1")["metadata"] == {"order": "7"}
    assert paystack.verified("M-2")["metadata"] == ""


def test_transaction_is_fetched_by_its_id(paystack):
    paystack.pay()
    number = paystack.verified()["id"]

    response = paystack.get(f"/transaction/{number}")

    assert response.json()["message"] == "Transaction retrieved"
    assert response.json()["data"]["reference"] == "ORD-1001-a1"
    for unknown in (number + 1, "ORD-1001-a1"):
        assert paystack.get(f"/transaction/{unknown}").status_code == 404


def test_transactions_are_listed_newest_first_filtered_and_paged(paystack):
    for number in range(3):
        paystack.start(f"L-{number}", email=f"c{number}@example.com")
    paystack.act("L-1", "pay-card")
    customer = paystack.verified("L-2")["customer"]["id"]

    def listed(**query):
        answer = paystack.get("/transaction", **query).json()
        return [row["reference"] for row in answer["data"]], answer["meta"]

    everything, meta = listed()
    assert everything == ["L-2", "L-1", "L-0"]
    assert meta == {"total": 3, "skipped": 0, "perPage": 50, "page": 1, "pageCount": 1}
    assert listed(perPage=2, page=2) == (
        ["L-0"],
        {"total": 3, "skipped": 2, "perPage": 2, "page": 2, "pageCount": 2},
    )
    assert listed(status="success")[0] == ["L-1"]
    assert listed(customer=customer)[0] == ["L-2"]
    assert listed(amount=1)[0] == []
    assert listed(**{"from": "2020-01-01", "to": "2020-01-02"})[0] == []
    assert listed(**{"from": "2020-01-01T00:00:00.000Z"})[0] == ["L-2", "L-1", "L-0"]
    first, cursor = listed(use_cursor="true", perPage=2)
    assert (first, listed(use_cursor="true", perPage=2, next=cursor["next"])[0]) == (["L-2", "L-1"], ["L-0"])


@pytest.mark.parametrize(
    "query", [{"from": "soon"}, {"page": "x"}, {"perPage": "0"}, {"use_cursor": "true", "next": "x"}]
)
def test_list_refuses_a_filter_that_makes_no_sense(paystack, query):
    paystack.start()

    assert paystack.get("/transaction", **query).json()["code"] == "invalid_params"


@pytest.mark.parametrize(
    ("currency", "amount", "action", "fee"),
    [
        ("KES", 150000, "pay-card", 4350),
        ("KES", 150000, "pay-mpesa", 2250),
        ("NGN", 100000, "pay-card", 11500),
        ("KES", 333, "pay-mpesa", 5),
    ],
)
def test_fees_are_computed_and_rounded_half_up(paystack, currency, amount, action, fee):
    paystack.pay(currency=currency, amount=amount, action=action)

    assert paystack.verified()["fees"] == fee


def test_live_key_makes_live_transactions(start_paystack, inbox):
    _, merchant = start_paystack(secret_key="sk_live_simulator")
    merchant.headers = {"Authorization": "Bearer sk_live_simulator"}

    merchant.pay()

    assert merchant.verified()["domain"] == "live"
    assert inbox.wait()[0].json["data"]["domain"] == "live"
