"""The control unit's wire (OSCU), and all that is known of it: nothing outside this module has a name of it.

Put together from KRA's published field lists and from what open integrations send; **not confirmed** against KRA's
sandbox. Open points: whether ``taxblAmt`` and ``prc`` are without tax (as here, and as Odoo's integration has them) or
with it (as the specification's sample reads), which answer a repeated invoice number gets (994, 899 have been seen),
and that ``itemCd`` need not be registered first. An answer that is not understood counts as unknown, never as accepted.

Source: KRA, OSCU specification, 4.1 taxation types, 4.10 payment types, ``TrnsSalesSaveWr``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from ecommerce.money import ZERO, round_money
from orders.documents.contents import Content, Line
from orders.documents.letters import LETTERS
from orders.documents.numbering import NAIROBI

SALES_PATH = "/saveTrnsSalesOsdc"
ACCEPTED_CODES = ("000", "00", "0", "0000")  # documented is 000; the others have been seen
KNOWN_CODE = "994"  # this invoice number was taken before
REFUSED_CODES = ("910", "911", "913")  # the request itself is wrong; the same one will never be taken
_SALE, _CREDIT = "S", "R"
_NORMAL, _APPROVED, _REFUND = "N", "02", "06"
_MOBILE_MONEY, _CASH, _OTHER = "06", "01", "07"
_PAID_BY = {"mpesa": _MOBILE_MONEY, "manual": _CASH}
_UNIT, _NET = "U", "NT"


@dataclass(frozen=True)
class Device:
    """The control unit that a shop's documents go to."""

    pin: str
    branch: str
    serial: str
    key: str

    def __str__(self) -> str:
        return f"{self.pin}/{self.branch}/{self.serial}"


class Verdict(Enum):
    ACCEPTED = auto()
    KNOWN = auto()  # it has that number; ``receipt`` says more, or nobody knows
    REFUSED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Receipt:
    number: int
    internal_data: str
    signature: str
    scu_id: str
    signed_at: datetime


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    code: str = ""
    detail: str = ""
    receipt: Receipt | None = None


def headers_of(device: Device) -> dict[str, str]:
    return {"tin": device.pin, "bhfId": device.branch, "cmcKey": device.key}


def sale_of(content: Content, *, invoice_number: int, corrected_number: int, item_class: str) -> dict[str, Any]:
    """Return the request that declares a document. ``corrected_number`` is the invoice's that a credit note is on."""
    issued_at = datetime.fromisoformat(content["issued_at"]).astimezone(NAIROBI)
    moment = f"{issued_at:%Y%m%d%H%M%S}"
    is_credit = content["kind"] == "credit_note"
    buyer, totals = content["buyer"], content["totals"]
    receipt = {
        "custTin": buyer["pin"] or None,
        "custMblNo": buyer["phone"] or None,
        "rcptPbctDt": moment,
        "trdeNm": content["seller"]["name"][:20],
        "adrs": ", ".join(content["seller"]["address"])[:200],
        "topMsg": None,
        "btmMsg": None,
        "prchrAcptcYn": "N",
    }
    return {
        "trdInvcNo": content["number"],
        "invcNo": invoice_number,
        "orgInvcNo": corrected_number,
        "custTin": buyer["pin"] or None,
        "custNm": buyer["name"][:60] or None,
        "salesTyCd": _NORMAL,
        "rcptTyCd": _CREDIT if is_credit else _SALE,
        "pmtTyCd": _paid_by(content),
        "salesSttsCd": _APPROVED,
        "cfmDt": moment,
        "salesDt": f"{issued_at:%Y%m%d}",
        "stockRlsDt": None,
        "cnclReqDt": None,
        "cnclDt": None,
        "rfdDt": moment if is_credit else None,
        "rfdRsnCd": _REFUND if is_credit else None,
        "totItemCnt": len(content["lines"]),
        **_by_letter(content),
        "totTaxblAmt": _number(totals["net"]),
        "totTaxAmt": _number(totals["tax"]),
        "totAmt": _number(totals["gross"]),
        "prchrAcptcYn": "N",
        "remark": content.get("reason") or None,
        "regrId": "shop",
        "regrNm": "shop",
        "modrId": "shop",
        "modrNm": "shop",
        "receipt": receipt,
        "itemList": [_item(number, line, item_class) for number, line in enumerate(content["lines"], 1)],
    }


def read_answer(status: int, body: Any, device: Device, *, own_scu_id: str) -> Answer:
    """Return what an answer means. A signature is taken only from one that says so by its code and has it whole."""
    if status != 200 or not isinstance(body, Mapping):
        return Answer(Verdict.UNKNOWN, f"HTTP {status}"[:10])
    code, detail = str(body.get("resultCd", ""))[:10], str(body.get("resultMsg", ""))[:300]
    receipt = _receipt(body.get("data"), own_scu_id)
    if code in ACCEPTED_CODES:
        # Without its signature nobody can print it; the next try is told that it is known.
        return Answer(Verdict.ACCEPTED if receipt else Verdict.UNKNOWN, code, detail, receipt)
    if code == KNOWN_CODE:
        return Answer(Verdict.KNOWN, code, detail, receipt)
    return Answer(Verdict.REFUSED if code in REFUSED_CODES else Verdict.UNKNOWN, code, detail)


def _receipt(data: Any, own_scu_id: str) -> Receipt | None:
    if not isinstance(data, Mapping):
        return None
    try:
        number = int(str(data["curRcptNo"])[:9])
        signed_at = datetime.strptime(str(data["sdcDateTime"]), "%Y%m%d%H%M%S").replace(tzinfo=NAIROBI)
        signature, internal = str(data["rcptSign"] or ""), str(data["intrlData"] or "")
    except (KeyError, ValueError):
        return None
    if not (0 < len(signature) <= 100 and len(internal) <= 100 and number >= 0):
        return None
    return Receipt(number, internal, signature, str(data.get("sdcId") or own_scu_id)[:40], signed_at)


def _by_letter(content: Content) -> dict[str, float]:
    by_letter = {tax["tax_letter"]: tax for tax in content["taxes"]}
    sums: dict[str, float] = {}
    for letter in LETTERS:
        tax = by_letter.get(letter, {"net": "0", "tax": "0", "tax_rate": "0"})
        sums[f"taxblAmt{letter}"] = _number(tax["net"])
        sums[f"taxRt{letter}"] = _number(str(Decimal(tax["tax_rate"]) * 100))
        sums[f"taxAmt{letter}"] = _number(tax["tax"])
    return sums


def _item(number: int, line: Line, item_class: str) -> dict[str, Any]:
    quantity, net, gross = line["quantity"], Decimal(line["net"]), Decimal(line["gross"])
    discount = Decimal(line["discount"])
    undiscounted = gross + discount
    # The discount is of the price that the shop shows; here everything is without tax.
    discount_net = round_money(discount * net / gross) if gross else ZERO
    supplied = net + discount_net
    return {
        "itemSeq": number,
        "itemCd": (line["sku"] or "SERVICE")[:20],
        "itemClsCd": line["item_class_code"] or item_class,
        "itemNm": line["name"][:200],
        "bcd": None,
        "pkgUnitCd": _NET,
        "pkg": quantity,
        "qtyUnitCd": _UNIT,
        "qty": quantity,
        "prc": _number(str(round_money(supplied / quantity))),
        "splyAmt": _number(str(supplied)),
        "dcRt": _number(str(round_money(discount * 100 / undiscounted))) if undiscounted else 0.0,
        "dcAmt": _number(str(discount_net)),
        "isrccCd": None,
        "isrccNm": None,
        "isrcRt": None,
        "isrcAmt": None,
        "taxTyCd": line["tax_letter"],
        "taxblAmt": _number(line["net"]),
        "taxAmt": _number(line["tax"]),
        "totAmt": _number(line["gross"]),
    }


def _paid_by(content: Content) -> str:
    methods = {paid.get("method", "") for paid in content["payments"]}
    return _PAID_BY.get(methods.pop(), _OTHER) if len(methods) == 1 else _OTHER


def _number(amount: str) -> float:
    """Return an amount as JSON has it; two places survive the way through a float."""
    return float(round_money(Decimal(amount)))
