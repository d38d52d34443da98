"""The envelope of the control unit, and what it wants of a sale."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.transport import Wording

Fields = dict[str, Any]
LETTERS = "ABCDE"
_NEEDED = (
    *("trdInvcNo", "invcNo", "orgInvcNo", "salesTyCd", "rcptTyCd", "salesSttsCd", "cfmDt", "salesDt", "totItemCnt"),
    *(f"{name}{letter}" for name in ("taxblAmt", "taxRt", "taxAmt") for letter in LETTERS),
    *("totTaxblAmt", "totTaxAmt", "totAmt", "prchrAcptcYn", "regrId", "regrNm", "modrId", "modrNm", "receipt"),
    "itemList",
)
_NEEDED_OF_ITEM = (
    *("itemSeq", "itemCd", "itemNm", "pkgUnitCd", "pkg", "qtyUnitCd", "qty", "prc", "splyAmt", "dcRt", "dcAmt"),
    *("taxTyCd", "taxblAmt", "taxAmt", "totAmt"),
)


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def envelope(code: str, message: str, data: Any, now: str) -> Response:
    return JSONResponse({"resultCd": code, "resultMsg": message, "resultDt": now, "data": data})


async def read_sale(request: Request) -> Fields:
    """Return the fields of a sale that has all that it needs, and whose sums are those of its items.

    Raises:
        Refused: with the code that KRA gives for it.
    """
    body = await request.body()
    if not body.strip():
        raise Refused("911", "Request body is empty")
    try:
        sale = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused("910", "Request parameter error") from error
    if not isinstance(sale, dict):
        raise Refused("910", "Request parameter error")
    _check(sale)
    return sale


def _check(sale: Fields) -> None:
    _need(sale, _NEEDED, "")
    if isinstance(sale["invcNo"], bool) or not isinstance(sale["invcNo"], int) or sale["invcNo"] < 1:
        raise Refused("910", "Request parameter error [<invcNo>]")
    if sale["rcptTyCd"] not in ("S", "R") or (sale["rcptTyCd"] == "R" and sale["orgInvcNo"] == 0):
        raise Refused("913", "Code value error among request parameters [<rcptTyCd>]")
    items = sale["itemList"]
    if not isinstance(items, list) or len(items) != sale["totItemCnt"] or not items:
        raise Refused("910", "Request parameter error [<itemList>]")
    for item in items:
        _need(item, _NEEDED_OF_ITEM, "<itemList>")
        if item["taxTyCd"] not in LETTERS:
            raise Refused("913", "Code value error among request parameters [<itemList><taxTyCd>]")
    _check_sums(sale, items)


def _need(fields: Any, names: tuple[str, ...], within: str) -> None:
    for name in names:
        if not isinstance(fields, dict) or fields.get(name) is None:
            raise Refused("910", f"Request parameter error [{within}<{name}>]")


def _check_sums(sale: Fields, items: list[Fields]) -> None:
    expected = {
        total: sum(_cents(item[part]) for item in items)
        for total, part in (("totTaxblAmt", "taxblAmt"), ("totTaxAmt", "taxAmt"), ("totAmt", "totAmt"))
    }
    for letter in LETTERS:
        own = [item for item in items if item["taxTyCd"] == letter]
        expected |= {f"{name}{letter}": sum(_cents(item[name]) for item in own) for name in ("taxblAmt", "taxAmt")}
    for name, cents in expected.items():
        if _cents(sale[name]) != cents:
            raise Refused("910", f"Request parameter error [<{name}>]")


def _cents(amount: Any) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise Refused("910", "Request parameter error")
    return round(amount * 100)


WORDING = Wording(
    server_error=lambda: JSONResponse({"error": "Internal Server Error"}, status_code=500),
    too_many_requests=lambda: JSONResponse({"error": "Too Many Requests"}, status_code=429),
    key_refused=lambda: JSONResponse({"error": "Unauthorized"}, status_code=401),
)
