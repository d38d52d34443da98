import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding

from tests.simulator.daraja.shop import parameters


def encrypted(shop, password: str) -> str:
    """Encrypt as Safaricom's page says, with the certificate that the simulator gives out."""
    certificate = x509.load_pem_x509_certificate(shop.http.get("/daraja-certificate.cer").content)
    return base64.b64encode(certificate.public_key().encrypt(password.encode(), padding.PKCS1v15())).decode()


def codes(shop, count):
    return [body["Result"]["ResultCode"] for body in shop.inbox.at("/result/", count)]


def test_credential_that_is_encrypted_with_the_certificate_is_taken(shop):
    response = shop.balance(SecurityCredential=encrypted(shop, "Safaricom999!*!"))

    assert response.status_code == 200
    assert codes(shop, 1) == [0]


def test_certificate_stays_the_same(shop):
    first, second = (shop.http.get("/daraja-certificate.cer") for _ in range(2))

    assert first.content == second.content
    assert first.headers["content-type"] == "application/x-x509-ca-cert"
    assert first.text.startswith("-----BEGIN CERTIFICATE-----")


def test_wrong_password_is_accepted_at_first_and_locks_after_two(shop):
    wrong = encrypted(shop, "wrong")

    statuses = [shop.balance(SecurityCredential=wrong).status_code for _ in range(3)]
    shop.balance()  # the right one does not help any more

    assert statuses == [200, 200, 200]
    assert sorted(codes(shop, 4)) == [2001, 2001, 8006, 8006]
    assert all("ResultParameters" not in body["Result"] for body in shop.inbox.so_far("/result/"))


def test_right_password_forgives_a_wrong_one(shop):
    wrong = encrypted(shop, "wrong")

    for number, credential in enumerate((wrong, "simulator-credential", wrong, "simulator-credential"), 1):
        shop.balance(SecurityCredential=credential)
        codes(shop, number)

    assert codes(shop, 4) == [2001, 0, 2001, 0]


def test_reset_unlocks(shop):
    for _ in range(2):
        shop.balance(SecurityCredential=encrypted(shop, "wrong"))
    codes(shop, 2)

    shop.http.post("/control/reset")
    shop.balance()

    assert codes(shop, 3)[2] == 0


def test_credential_for_another_certificate_is_a_wrong_one(shop):
    shop.balance(SecurityCredential=base64.b64encode(b"\x01" * 256).decode())

    assert codes(shop, 1) == [2001]


def test_unknown_initiator_is_refused_in_the_result(shop):
    shop.balance(Initiator="nobody")

    result = shop.result()

    assert (result["ResultCode"], result["ResultDesc"]) == (2001, "The initiator information is invalid.")
    assert result["TransactionID"].endswith("0000000")


@pytest.mark.parametrize(
    "credential",
    ["", "Safaricom999!*!", base64.b64encode(b"x" * 255).decode(), base64.b64encode(b"x" * 257).decode(), "é" * 344, 7],
)
def test_credential_without_the_form_of_one_is_refused_at_once(shop, credential):
    response = shop.balance(SecurityCredential=credential)

    assert response.status_code == 400
    assert response.json()["errorMessage"] == "Bad Request - Invalid SecurityCredential"
    assert shop.deliveries() == []


def test_credential_of_a_longer_key_has_the_form_of_one(shop):
    response = shop.balance(SecurityCredential=base64.b64encode(b"\x01" * 512).decode())

    assert response.status_code == 200
    assert codes(shop, 1) == [2001]


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("b2c", 401, "401.002.01"),
        ("b2b", 401, "401.002.01"),
        ("balance", 401, "401.002.01"),
        ("status", 400, "400.003.01"),
        ("pull", 401, "401.001"),
        ("register", 400, "400.003.01"),
    ],
)
def test_token_is_refused_in_each_product_s_own_way(shop, call, status, code):
    shop._token = "old"

    response = getattr(shop, call)()

    assert (response.status_code, response.json()["errorCode"]) == (status, code)


def test_token_of_a_reversal_is_refused_like_that_of_a_push(shop):
    shop._token = "old"

    response = shop.reverse("UKL4AB12CD")

    assert (response.status_code, response.json()["errorCode"]) == (404, "404.001.03")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/mpesa/b2c/v3/paymentrequest", "Bad Request - Invalid InitiatorName"),
        ("/mpesa/transactionstatus/v1/query", "Bad Request - Invalid Initiator"),
        ("/pulltransactions/v1/query", "Bad Request - Invalid ShortCode"),
        ("/mpesa/c2b/v2/registerurl", "Bad Request - Invalid ShortCode"),
    ],
)
def test_body_that_is_not_sent_as_json_is_refused(shop, path, message):
    response = shop.http.post(path, content="Amount=10", headers=shop.headers)

    assert (response.status_code, response.json()["errorMessage"]) == (400, message)


# --- the form of results


def test_result_parameter_object_is_the_first_entry_alone(shop):
    shop.faults("result_parameter_object")

    shop.balance()

    entry = shop.result()["ResultParameters"]["ResultParameter"]
    assert (entry["Key"], entry["Value"].split("|")[0]) == ("AccountBalance", "Working Account")


def test_result_parameter_without_value_has_the_key_alone(shop):
    shop.faults("result_parameter_without_value")

    shop.balance()

    assert shop.result()["ResultParameters"]["ResultParameter"][1] == {"Key": "BOCompletedTime"}


def test_result_text_code_is_text(shop):
    shop.faults("result_text_code")

    shop.balance()

    assert shop.result()["ResultCode"] == "0"


def test_result_faults_go_with_those_of_a_request(shop):
    shop.faults({"fault": "balance_result_doubled", "times": 2}, "result_text_code")

    shop.balance()

    assert [body["Result"]["ResultCode"] for body in shop.inbox.at("/result/", 2)] == ["0", "0"]
    assert parameters(shop.result())["AccountBalance"].count("|") == 25
