"""Buy something, as a customer would: through the public API and the phone, and nothing else."""

import re
import secrets
import time
from argparse import ArgumentParser
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

Found = TypeVar("Found")

TIMEOUT = 15


class Command(BaseCommand):
    help = "Play a whole purchase against the running shop: register, search, order, pay by M-Pesa, check everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=settings.PUBLIC_BASE_URL, help="the shop (default: %(default)s)")
        parser.add_argument("--simulator", default=settings.SIMULATOR_URL, help="the phone (default: %(default)s)")
        parser.add_argument("--search", default="samsung galaxy", help="what to look for (default: %(default)s)")
        parser.add_argument("--pin", default="1234", help="what to type on the phone (default: %(default)s)")
        parser.add_argument("--manual", action="store_true", help="let a person type the PIN on the phone page")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("This is a demonstration; it does not run with production settings.")
        try:
            Journey(self, options).run()
        except requests.RequestException as error:
            raise CommandError(f"No answer: {error}. Is the shop running? Start it with ./shop run.") from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted; an order that is not paid is cancelled in a while.") from None


class Journey:
    """One purchase, step by step; the first step that is not as it should be ends it with an error."""

    def __init__(self, command: BaseCommand, options: dict[str, Any]) -> None:
        self.command = command
        self.options = options
        self.shop: str = options["url"].rstrip("/")
        self.phone: str = options["simulator"].rstrip("/")
        self.http = requests.Session()
        self.phone_http = requests.Session()  # the phone never sees the shop's token
        self.step = 0
        self.msisdn = f"2547{secrets.randbelow(10**8):08d}"

    def run(self) -> None:
        self.register_and_log_in()
        product, variant = self.find_product()
        order = self.order_through_the_cart(product, variant)
        payment = self.start_payment(order)
        self.answer_the_phone(order)
        self.wait_for_the_money(payment, order)
        self.check_the_order(order)
        self.check_the_stock(product, variant)
        self.check_the_mail(order)
        self.order_by_card_and_cancel(product, variant)
        self.command.stdout.write(
            self.command.style.SUCCESS(f"\nOrder {order['number']} is paid. Everything is right.")
        )

    def register_and_log_in(self) -> None:
        email, password = f"demo-{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12)
        self.say(f"Register {email}")
        body = {"email": email, "password": password, "first_name": "Wanjiku", "phone_number": f"+{self.msisdn}"}
        self.call("POST", "/api/auth/register/", 201, body)
        self.say("Log in")
        answer = self.call("POST", "/api/auth/login/", 200, {"email": email, "password": password})
        self.http.headers["Authorization"] = f"Bearer {answer['access']}"
        self.result(f"{answer['user']['role']} {answer['user']['email']}")

    def find_product(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self.say("Browse the categories")
        tree = self.call("GET", "/api/products/categories/", 200)
        self.result(", ".join(f"{node['category_name']} ({node['product_count']})" for node in tree[:5]))
        words = self.options["search"]
        self.say(f"Search for {words!r}, in stock, KES 5,000 to 250,000, cheapest first")
        query = f"?search={quote(words)}&in_stock=true&price_min=5000&price_max=250000&ordering=price&page_size=5"
        found = self.call("GET", f"/api/products/{query}", 200)["results"]
        self.check(bool(found), f"nothing found for {words!r}")
        for row in found:
            self.result(f"{row['product_name']}: {row['currency']} {row['price']}, {row['stock']} in stock")
        self.say(f"Look at {found[0]['product_name']}")
        product = self.call("GET", f"/api/products/{found[0]['url_key']}/", 200)
        variant = next((v for v in product["variants"] if v["stock"] > 0), None)
        if variant is None:
            raise CommandError("in_stock is true, but no variant has stock")
        options = "".join(f", {option}" for option in variant["options"].values())
        self.result(f"{variant['sku']}{options}: {product['currency']} {variant['price']}, {variant['stock']} left")
        return product, variant

    def order_through_the_cart(self, product: dict[str, Any], variant: dict[str, Any]) -> dict[str, Any]:
        self.say("Put one into the cart")
        cart = self.call("POST", "/api/cart/items/", 201, {"variant_id": variant["id"], "quantity": 1})
        self.check(Decimal(cart["total_amount"]) == Decimal(variant["price"]), "the cart's total is not the price")
        self.say("Say where it goes, and choose how it gets there")
        address = {"county": "Nairobi", "town": "Nairobi", "estate": "Kilimani", "landmark": "next to the chemist"}
        told: dict[str, Any] = {"shipping_address": address}
        for method in self.call("POST", "/api/cart/checkout/shipping/", 200, told)["methods"]:
            self.result(f"{method['name']}: {method['currency']} {method['amount']}")
            if method["kind"] == "delivery" and "method_id" not in told:
                told["method_id"] = method["method_id"]
        cart = self.call("POST", "/api/cart/checkout/shipping/", 200, told)["cart"]
        self.say("Order what is in the cart")
        order: dict[str, Any] = self.call("POST", "/api/cart/checkout/confirm/", 201)
        self.check(order["total_amount"] == cart["total_amount"], "the order costs something else than the cart said")
        self.check(order["status"] == "pending", f"the order is {order['status']}, not pending")
        self.result(
            f"order {order['number']}: {order['currency']} {order['total_amount']}, VAT {order['tax']} included"
        )
        return order

    def start_payment(self, order: dict[str, Any]) -> dict[str, Any]:
        self.say(f"Pay by M-Pesa from +{self.msisdn}")
        body = {"order_id": order["id"], "method": "mpesa", "phone_number": f"+{self.msisdn}"}
        payment: dict[str, Any] = self.call("POST", "/api/payments/", 201, body)
        self.result(f"payment {payment['status']}: {payment['attempts'][0]['advice']}")
        return payment

    def answer_the_phone(self, order: dict[str, Any]) -> None:
        self.say("Wait for the prompt on the phone")
        prompt = self.wait(lambda: self._prompt(order), seconds=30, failure="no prompt reached the phone")
        self.result(f"{prompt['text']}")
        if self.options["manual"]:
            self.say(f"Type the PIN at {self.phone}/phone/?msisdn={self.msisdn}")
            return
        self.say("Type the PIN")
        url = f"{self.phone}/phone/api/prompts/{prompt['id']}/answer"
        answer = self.phone_http.post(url, json={"pin": self.options["pin"]}, timeout=TIMEOUT)
        self.check(answer.ok, f"the phone answered {answer.status_code}: {answer.text[:200]}")

    def wait_for_the_money(self, payment: dict[str, Any], order: dict[str, Any]) -> None:
        self.say("Wait for the callback and its settlement")
        started = time.monotonic()

        def settled() -> dict[str, Any] | None:
            now: dict[str, Any] = self.call("GET", f"/api/payments/{payment['id']}/", 200)
            return now if now["status"] != "pending" else None

        seconds = 120 if self.options["manual"] else 60
        paid = self.wait(settled, seconds=seconds, failure="the payment was not settled")
        advice = paid["attempts"][0]["advice"]
        self.check(paid["status"] == "successful", f"the payment is {paid['status']}: {advice}")
        self.result(f"receipt {paid['transaction_id']} after {time.monotonic() - started:.1f} s")

    def check_the_order(self, order: dict[str, Any]) -> None:
        self.say("Look at the order")
        now = self.call("GET", f"/api/orders/{order['id']}/", 200)
        self.check(now["status"] == "paid", f"the order is {now['status']}, not paid")
        events = self.call("GET", f"/api/orders/{order['id']}/events/", 200)
        steps = [event["to_status"] for event in events]
        self.check(steps == ["pending", "paid"], f"the timeline is {steps}")
        self.result(" → ".join(steps))

    def check_the_stock(self, product: dict[str, Any], variant: dict[str, Any]) -> None:
        self.say("Look at the stock")
        now = self._stock(product, variant)
        self.check(now == variant["stock"] - 1, f"{now} left, {variant['stock'] - 1} expected")
        self.result(f"{variant['stock']} before, {now} now")

    def check_the_mail(self, order: dict[str, Any]) -> None:
        self.say("Look for the confirmation mail")
        if not settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
            self.result("mail does not go to files here; see where EMAIL_URL sends it")
            return
        folder = Path(settings.EMAIL_FILE_PATH)

        def mail() -> str | None:
            for file in sorted(folder.glob("*.log"), reverse=True):
                subject = re.search(rf"^Subject: (.*{order['number']}.*)$", file.read_text("utf-8"), re.MULTILINE)
                if subject:
                    return subject[1]
            return None

        self.result(self.wait(mail, seconds=20, failure=f"no mail about {order['number']} in {folder}"))

    def order_by_card_and_cancel(self, product: dict[str, Any], variant: dict[str, Any]) -> None:
        before = self._stock(product, variant)
        if before < 1:
            return
        self.say("Order one more directly, twice with one Idempotency-Key")
        body = {"items": [{"variant_id": variant["id"], "quantity": 1}]}
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        first = self.call("POST", "/api/orders/", 201, body, headers)
        again = self.call("POST", "/api/orders/", 201, body, headers)
        self.check(first == again, "the repeat made another order")
        self.check(self._stock(product, variant) == before - 1, "the reservation is not in the stock")
        self.result(f"one order, {first['number']}")
        payment = self.pay_by_card(first)
        self.say("Cancel it")
        cancelled = self.call("POST", f"/api/orders/{first['id']}/cancel/", 200)
        self.check(cancelled["status"] == "cancelled", f"the order is {cancelled['status']}")
        self.check(self._stock(product, variant) == before, "the stock did not come back")
        self.result("the stock is back")
        if payment:
            self.say("Wait for the money to go back")
            refunded = self.wait(lambda: self._payment(payment, "refunded"), seconds=90, failure="it did not go back")
            self.result(f"payment {refunded['status']}")

    def pay_by_card(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Pay on the simulated page; None where no simulated provider takes cards."""
        self.say("Pay it by card")
        body = {"order_id": order["id"], "method": "card"}
        answer = self.http.post(f"{self.shop}/api/payments/initialize/", json=body, timeout=TIMEOUT)
        page = answer.json().get("authorization_url", "")
        if not page.startswith(f"{self.phone}/checkout/"):
            self.result("no simulated provider takes cards here")
            return None
        payment: dict[str, Any] = answer.json()["payment"]
        self.result(page)
        checkout = page.replace("/checkout/", "/checkout/api/", 1)
        choices = self.phone_http.get(checkout, timeout=TIMEOUT).json()["actions"]
        paying = next(choice["name"] for choice in choices if choice["outcome"] == "paid")
        paid = self.phone_http.post(f"{checkout}/{paying}", timeout=TIMEOUT)
        self.check(paid.ok, f"the page answered {paid.status_code}: {paid.text[:200]}")
        settled = self.wait(
            lambda: self._payment(payment, "successful"), seconds=60, failure="the payment was not settled"
        )
        self.result(f"payment {settled['status']}, receipt {settled['transaction_id']}")
        return settled

    def _payment(self, payment: dict[str, Any], status: str) -> dict[str, Any] | None:
        now: dict[str, Any] = self.call("GET", f"/api/payments/{payment['id']}/", 200)
        return now if now["status"] == status else None

    def _prompt(self, order: dict[str, Any]) -> dict[str, Any] | None:
        answer = self.phone_http.get(f"{self.phone}/phone/api/prompts", params={"msisdn": self.msisdn}, timeout=TIMEOUT)
        self.check(answer.ok, f"the phone answered {answer.status_code}")
        prompts: list[dict[str, Any]] = answer.json()["prompts"]
        return next((prompt for prompt in prompts if order["number"] in str(prompt)), None)

    def _stock(self, product: dict[str, Any], variant: dict[str, Any]) -> int:
        fresh = self.call("GET", f"/api/products/{product['id']}/", 200)
        return next(int(row["stock"]) for row in fresh["variants"] if row["id"] == variant["id"])

    def call(
        self, method: str, path: str, expected: int, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        answer = self.http.request(method, f"{self.shop}{path}", json=body, headers=headers, timeout=TIMEOUT)
        self.check(
            answer.status_code == expected,
            f"{method} {path} answered {answer.status_code}, not {expected}: {answer.text[:300]}",
        )
        return answer.json()

    def wait(self, look: Callable[[], Found | None], *, seconds: float, failure: str) -> Found:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found is not None:
                return found
            time.sleep(0.25)
        raise CommandError(f"{failure} within {seconds:.0f} seconds")

    def check(self, right: bool, message: str) -> None:
        if not right:
            raise CommandError(message)

    def say(self, text: str) -> None:
        self.step += 1
        self.command.stdout.write(f"{self.step:2}. {text}")

    def result(self, text: str) -> None:
        self.command.stdout.write(f"      {text}")
