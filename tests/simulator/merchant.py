"""What the tests play: a merchant who calls Daraja, and the server that takes its callbacks."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import httpx

from simulator.settings import SANDBOX_PASSKEY

MSISDN = "254712345678"
TIMESTAMP = "20261121104512"
WAIT_SECONDS = 5.0
Value = TypeVar("Value")


def password(timestamp: str = TIMESTAMP, passkey: str = SANDBOX_PASSKEY) -> str:
    return base64.b64encode(f"174379{passkey}{timestamp}".encode()).decode()


def wait_for(question: Callable[[], Value], seconds: float = WAIT_SECONDS) -> Value:
    """Ask until the answer is true; fail the test when it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Receiver:
    """Takes callbacks and keeps them: path, headers, body as it came, time."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.status = 200
        self.location = ""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.requests.append((self.path, dict(self.headers), body))
                answer = b'{"ResultCode": 0, "ResultDesc": "Accepted"}'
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Keep the test output quiet."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 64  # parallel callbacks beyond the queue would be late by a second

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()

    def stk(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many callbacks and return what is in them."""
        wait_for(lambda: len(self.requests) >= count)
        return [json.loads(body)["Body"]["stkCallback"] for _, _, body in self.requests]

    def result_codes(self, count: int) -> list[int | str]:
        return [callback["ResultCode"] for callback in self.stk(count)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Merchant:
    def __init__(self, http: httpx.Client, callback_url: str) -> None:
        self.http = http
        self.callback_url = callback_url
        self._token = ""

    def new_token(self, key: str = "simulator-key", secret: str = "simulator-secret") -> httpx.Response:
        query = {"grant_type": "client_credentials"}
        return self.http.get("/oauth/v1/generate", params=query, auth=(key, secret))

    @property
    def headers(self) -> dict[str, str]:
        if not self._token:
            self._token = self.new_token().json()["access_token"]
        return {"Authorization": f"Bearer {self._token}"}

    def push_body(self, **changes: Any) -> dict[str, Any]:
        """Return a good push; a change to None leaves the field out."""
        msisdn = changes.pop("msisdn", MSISDN)
        body = {
            "BusinessShortCode": 174379,
            "Password": password(),
            "Timestamp": TIMESTAMP,
            "TransactionType": "CustomerPayBillOnline",
            "Amount": 1500,
            "PartyA": msisdn,
            "PartyB": "174379",
            "PhoneNumber": msisdn,
            "CallBackURL": self.callback_url,
            "AccountReference": "1000017",
            "TransactionDesc": "Order",
            **changes,
        }
        return {name: value for name, value in body.items() if value is not None}

    def push(self, **changes: Any) -> httpx.Response:
        url = "/mpesa/stkpush/v1/processrequest"
        return self.http.post(url, json=self.push_body(**changes), headers=self.headers)

    def start(self, **changes: Any) -> str:
        """Push and return the CheckoutRequestID."""
        response = self.push(**changes)
        assert response.status_code == 200, response.text
        checkout_request_id: str = response.json()["CheckoutRequestID"]
        return checkout_request_id

    def query(self, checkout_request_id: Any, **changes: Any) -> httpx.Response:
        body = {
            "BusinessShortCode": "174379",
            "Password": password(),
            "Timestamp": TIMESTAMP,
            "CheckoutRequestID": checkout_request_id,
            **changes,
        }
        return self.http.post("/mpesa/stkpushquery/v1/query", json=body, headers=self.headers)

    def answer(self, prompt_id: str, **answer: str) -> httpx.Response:
        return self.http.post(f"/phone/api/prompts/{prompt_id}/answer", json=answer or {"pin": "1234"})

    def pay(self, **changes: Any) -> str:
        """Push, type the right PIN, return the CheckoutRequestID."""
        checkout_request_id = self.start(**changes)
        assert self.answer(checkout_request_id).status_code == 200
        return checkout_request_id

    def prompts(self, msisdn: str = MSISDN) -> list[dict[str, Any]]:
        prompts: list[dict[str, Any]] = self.http.get(f"/phone/api/prompts?msisdn={msisdn}").json()["prompts"]
        return prompts

    def messages(self, msisdn: str = MSISDN) -> list[str]:
        messages = self.http.get(f"/phone/api/messages?msisdn={msisdn}").json()["messages"]
        return [message["text"] for message in messages]

    def set_phone(self, **change: Any) -> dict[str, Any]:
        phone: dict[str, Any] = self.http.post(f"/phone/api/phones/{MSISDN}/", json=change).json()
        return phone

    def books(self) -> dict[str, Any]:
        books: dict[str, Any] = self.http.get("/control/books").json()
        return books

    def deliveries(self) -> list[dict[str, Any]]:
        deliveries: list[dict[str, Any]] = self.http.get("/control/deliveries").json()["deliveries"]
        return deliveries

    def faults(self, *queue: Any, **rest: Any) -> None:
        response = self.http.post("/control/faults", json={"queue": list(queue), **rest})
        assert response.status_code == 200, response.text

    def auto_answer(self, **rule: Any) -> None:
        response = self.http.post("/control/auto-answer", json=rule or {"msisdn": "*", "pin": "1234"})
        assert response.status_code == 200, response.text
