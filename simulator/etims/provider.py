"""The control unit put together: it signs each invoice number once."""

import hashlib
import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator import clock
from simulator.documents import Document, Documents
from simulator.etims.fault_kinds import SALE
from simulator.etims.wire import WORDING, Fields, Refused, envelope, read_sale
from simulator.faults import FaultBox
from simulator.settings import EtimsSettings
from simulator.store import Store
from simulator.transport import Struck

_TAKEN = "It is succeeded"
_KNOWN = "There is existing data with the same key"


class Etims:
    """It moves no money, so its books are empty; what it has signed is listed at ``/etims/receipts``."""

    name = "etims"

    def __init__(self, settings: EtimsSettings, store: Store, faults: FaultBox) -> None:
        self._settings = settings
        self._documents = Documents(store, self.name)
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            Route("/saveTrnsSalesOsdc", self.save_sale, methods=["POST"]),
            Route("/receipts", self.receipts, methods=["GET"]),
        ]

    async def save_sale(self, request: Request) -> Response:
        now = f"{clock.nairobi(time.time()):%Y%m%d%H%M%S}"
        try:
            self._check_device(request)
            sale = await read_sale(request)
            struck = Struck(SALE, self._faults.draw(SALE, reference=str(sale["trdInvcNo"])), WORDING)
            if instead := await struck.instead():
                return instead
            if fault := struck.get("etims_sale_code"):
                raise Refused(str(fault.parameters["code"]), "An error occurred")
            return await struck.answer(self._take(sale, struck, now))
        except Refused as refusal:
            return envelope(refusal.code, refusal.message, None, now)

    async def receipts(self, _: Request) -> Response:
        """Answer with every receipt, oldest first: the taxpayer's portal."""
        return JSONResponse({"receipts": list(self._documents.all("receipt"))})

    def _check_device(self, request: Request) -> None:
        known = {"tin": self._settings.tin, "bhfId": self._settings.branch, "cmcKey": self._settings.cmc_key}
        for name, value in known.items():
            if not request.headers.get(name):
                raise Refused("900", "There is no Header information")
            if request.headers[name] != value:
                raise Refused("901", "It is not valid device")

    def _take(self, sale: Fields, struck: Struck, now: str) -> Response:
        number = str(sale["invcNo"])
        digest = hashlib.sha256(json.dumps(sale, sort_keys=True).encode()).hexdigest()
        if known := self._documents.get("receipt", number):
            is_bare = known["digest"] != digest or struck.get("etims_sale_bare_repeat")
            return envelope("994", _KNOWN, None if is_bare else _answer(known), now)
        if sale["rcptTyCd"] == "R" and self._documents.get("receipt", str(sale["orgInvcNo"])) is None:
            raise Refused("910", "Request parameter error [<orgInvcNo>]")
        count = sum(1 for _ in self._documents.all("receipt")) + 1
        receipt: Document = {
            "id": number,
            "digest": digest,
            "sale": sale,
            "curRcptNo": count,
            "totRcptNo": count,
            "intrlData": digest[:26].upper(),
            "rcptSign": digest[26:42].upper(),
            "sdcDateTime": now,
            "sdcId": self._settings.scu_id,
        }
        self._documents.save("receipt", receipt)
        return envelope("000", _TAKEN, None if struck.get("etims_sale_unsigned") else _answer(receipt), now)

    # --- what every provider has

    def wire_error(self, status: int, path: str) -> Response | None:
        return None

    def books(self, *, msisdn: str | None, reference: str | None) -> list[dict[str, Any]]:
        return []

    def resume(self) -> None:
        """Nothing of it happens by itself."""

    def stop(self) -> None:
        """Nothing of it happens by itself."""

    def clear(self) -> None:
        self._documents.clear()


def _answer(receipt: Document) -> dict[str, Any]:
    return {name: receipt[name] for name in ("curRcptNo", "totRcptNo", "intrlData", "rcptSign", "sdcDateTime", "sdcId")}
