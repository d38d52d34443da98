"""The control unit: it signs each number once, and refuses what does not add up."""

import pytest

HEADERS = {"tin": "P051234567Q", "bhfId": "00", "cmcKey": "simulator-cmc-key"}


def sale(**changes):
    amounts = {f"{name}{letter}": 0 for name in ("taxblAmt", "taxRt", "taxAmt") for letter in "ABCDE"}
    item = {"itemSeq": 1, "itemCd": "A15", "itemNm": "Phone", "pkgUnitCd": "NT", "pkg": 1, "qtyUnitCd": "U", "qty": 1}
    item |= {"prc": 1000, "splyAmt": 1000, "dcRt": 0, "dcAmt": 0, "taxTyCd": "B", "taxblAmt": 1000, "taxAmt": 160}
    head = {"trdInvcNo": "INV-1", "invcNo": 1, "orgInvcNo": 0, "salesTyCd": "N", "rcptTyCd": "S", "salesSttsCd": "02"}
    head |= {"cfmDt": "20261121121500", "salesDt": "20261121", "totItemCnt": 1, "prchrAcptcYn": "N", "receipt": {}}
    head |= dict.fromkeys(("regrId", "regrNm", "modrId", "modrNm"), "shop")
    sums = {"taxblAmtB": 1000, "taxRtB": 16, "taxAmtB": 160, "totTaxblAmt": 1000, "totTaxAmt": 160, "totAmt": 1160}
    return head | amounts | sums | {"itemList": [item | {"totAmt": 1160}]} | changes


@pytest.fixture
def post(shared_simulator):
    shared_simulator.http.post("/control/reset")

    def send(body, headers=HEADERS):
        return shared_simulator.http.post("/etims/saveTrnsSalesOsdc", json=body, headers=headers).json()

    return send


def test_sale_is_signed_and_a_repeat_gets_the_same_receipt(post):
    first, again = post(sale()), post(sale())

    assert (first["resultCd"], again["resultCd"]) == ("000", "994")
    assert first["data"] == again["data"]
    assert len(first["data"]["rcptSign"]) == 16


def test_other_sale_under_a_known_number_gets_no_receipt(post):
    post(sale())

    answer = post(sale(trdInvcNo="INV-2"))

    assert (answer["resultCd"], answer["data"]) == ("994", None)


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"invcNo": "1"}, "910", "invcNo"),
        ({"totAmt": 1161}, "910", "totAmt"),
        ({"taxAmtB": 159}, "910", "taxAmtB"),
        ({"taxRtE": None}, "910", "taxRtE"),
        ({"totItemCnt": 2}, "910", "itemList"),
        ({"rcptTyCd": "X"}, "913", "rcptTyCd"),
        ({"rcptTyCd": "R", "orgInvcNo": 9}, "910", "orgInvcNo"),
    ],
)
def test_what_does_not_add_up_is_refused_by_name(post, changes, code, named):
    answer = post(sale(**changes))

    assert (answer["resultCd"], named in answer["resultMsg"], answer["data"]) == (code, True, None)


@pytest.mark.parametrize(("headers", "code"), [({}, "900"), (HEADERS | {"cmcKey": "other"}, "901")])
def test_only_its_own_device_is_heard(post, headers, code):
    assert post(sale(), headers)["resultCd"] == code
