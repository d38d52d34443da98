"""What these tests play: a shop with an operator at M-Pesa, and the server that is told of results and payments."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.simulator.merchant import MSISDN, Merchant, wait_for

ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}
CREDENTIAL = "simulator-credential"
SHORTCODE = "174379"
UTILITY, WORKING = 250_000, 100_000


class Inbox:
    """Takes every POST, keeps path and body, and answers as it is told, by path."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.delays: dict[str, float] = {}
        self.statuses: dict[str, int] = {}
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                inbox.received.append((self.path, body))
                time.sleep(inbox.delays.get(self.path, 0))
                answer = inbox.answers.get(self.path, ACCEPTED)
                sent = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(inbox.statuses.get(self.path, 200))
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                """Keep the test output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def at(self, path: str, count: int = 1) -> list[Any]:
        """Wait for so many bodies at a path and return all that came there."""
        wait_for(lambda: len(self.so_far(path)) >= count)
        return self.so_far(path)

    def so_far(self, path: str) -> list[Any]:
        return [body for where, body in list(self.received) if where == path]

    def paths(self) -> list[str]:
        return [path for path, _ in list(self.received)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Shop(Merchant):
    """A merchant who also pays out, reverses, asks and is told of payments by paybill."""

    def __init__(self, http: httpx.Client, inbox: Inbox) -> None:
        super().__init__(http, f"{inbox.url}/stk/8Qk1x/")
        self.inbox = inbox

    def post(self, path: str, body: dict[str, Any], **changes: Any) -> httpx.Response:
        """Post a body with changes; a change to None leaves the field out."""
        wanted = {name: value for name, value in {**body, **changes}.items() if value is not None}
        return self.http.post(path, json=wanted, headers=self.headers)

    def _urls(self) -> dict[str, str]:
        return {"ResultURL": f"{self.inbox.url}/result/", "QueueTimeOutURL": f"{self.inbox.url}/timeout/"}

    def b2c(self, path: str = "/mpesa/b2c/v3/paymentrequest", **changes: Any) -> httpx.Response:
        body = {
            "OriginatorConversationID": "refund-1",
            "InitiatorName": "testapi",
            "SecurityCredential": CREDENTIAL,
            "CommandID": "BusinessPayment",
            "Amount": 1000,
            "PartyA": SHORTCODE,
            "PartyB": MSISDN,
            "Remarks": "Refund 1000017",
            "Occassion": "payout",
            **self._urls(),
        }
        return self.post(path, body, **changes)

    def b2b(self, **changes: Any) -> httpx.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": CREDENTIAL,
            "CommandID": "BusinessPayBill",
            "SenderIdentifierType": "4",
            "RecieverIdentifierType": "4",
            "Amount": 700,
            "PartyA": SHORTCODE,
            "PartyB": "888880",
            "AccountReference": "RENT",
            "Remarks": "Rent",
            **self._urls(),
        }
        return self.post("/mpesa/b2b/v1/paymentrequest", body, **changes)

    def reverse(self, receipt: str, amount: Any = 1500, **changes: Any) -> httpx.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": CREDENTIAL,
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": amount,
            "ReceiverParty": SHORTCODE,
            "RecieverIdentifierType": "11",
            "Remarks": "Refund",
            **self._urls(),
        }
        return self.post("/mpesa/reversal/v1/request", body, **changes)

    def status(self, **changes: Any) -> httpx.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": CREDENTIAL,
            "CommandID": "TransactionStatusQuery",
            "PartyA": SHORTCODE,
            "IdentifierType": "4",
            "Remarks": "OK",
            "Occasion": "OK",
            **self._urls(),
        }
        return self.post("/mpesa/transactionstatus/v1/query", body, **changes)

    def balance(self, **changes: Any) -> httpx.Response:
        body = {
            "Initiator": "testapi",
            "SecurityCredential": CREDENTIAL,
            "CommandID": "AccountBalance",
            "PartyA": SHORTCODE,
            "IdentifierType": "4",
            "Remarks": "OK",
            **self._urls(),
        }
        return self.post("/mpesa/accountbalance/v1/query", body, **changes)

    def register(self, version: str = "v2", **changes: Any) -> httpx.Response:
        body = {
            "ShortCode": SHORTCODE,
            "ResponseType": "Completed",
            "ConfirmationURL": f"{self.inbox.url}/conf/",
            "ValidationURL": f"{self.inbox.url}/val/",
        }
        return self.post(f"/mpesa/c2b/{version}/registerurl", body, **changes)

    def simulate(self, **changes: Any) -> httpx.Response:
        body = {
            "ShortCode": SHORTCODE,
            "CommandID": "CustomerPayBillOnline",
            "Amount": 300,
            "Msisdn": int(MSISDN),
            "BillRefNumber": "1000017",
        }
        return self.post("/mpesa/c2b/v2/simulate", body, **changes)

    def pull(self, **changes: Any) -> httpx.Response:
        body = {
            "ShortCode": SHORTCODE,
            "StartDate": "2000-01-01 00:00:00",
            "EndDate": "2099-01-01 00:00:00",
            "OffSetValue": "0",
        }
        return self.post("/pulltransactions/v1/query", body, **changes)

    def pay_bill(self, **changes: Any) -> dict[str, Any]:
        """Pay by paybill from a phone and return what the phone was told."""
        order = {"msisdn": MSISDN, "shortcode": SHORTCODE, "account": "1000017", "amount": 300, "pin": "1234"}
        return self._pay({**order, **changes})

    def pay_till(self, **changes: Any) -> dict[str, Any]:
        return self._pay({"msisdn": MSISDN, "till": "512345", "amount": 300, "pin": "1234", **changes})

    def _pay(self, order: dict[str, Any]) -> dict[str, Any]:
        response = self.http.post("/phone/api/pay", json=order)
        assert response.status_code == 200, response.text
        outcome: dict[str, Any] = response.json()
        return outcome

    def paid_receipt(self, **changes: Any) -> str:
        """Pay by STK and return the receipt."""
        checkout = self.pay(**changes)
        return next(entry["receipt_number"] for entry in self.books()["payments"] if entry["id"] == checkout)

    def result(self, count: int = 1) -> dict[str, Any]:
        """Wait for so many results and return the last one."""
        result: dict[str, Any] = self.inbox.at("/result/", count)[-1]["Result"]
        return result

    def accounts(self) -> tuple[int, int]:
        """Return the shillings in the utility and in the working account, as Daraja tells them."""
        before = len(self.inbox.so_far("/result/"))
        assert self.balance().status_code == 200
        text = parameters(self.result(before + 1))["AccountBalance"]
        funds = {part.split("|")[0]: part.split("|")[2] for part in text.split("&")}
        return int(float(funds["Utility Account"])), int(float(funds["Working Account"]))


def parameters(result: dict[str, Any]) -> dict[str, Any]:
    return {entry["Key"]: entry.get("Value") for entry in result["ResultParameters"]["ResultParameter"]}
