"""Links that open one order."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core import signing

from orders.links import SALT, order_link, order_of_token, order_token


def test_a_token_opens_its_order_and_no_other() -> None:
    order_id = uuid4()
    assert order_of_token(order_token(order_id)) == order_id
    assert order_token(order_id) != order_token(uuid4())


def test_a_token_that_was_touched_opens_nothing() -> None:
    token = order_token(uuid4())
    head, rest = token.split(".", 1)
    assert order_of_token(f"{uuid4().hex}.{rest}") is None
    assert order_of_token(f"{head}.{rest[:-1]}") is None
    assert order_of_token("") is None
    assert order_of_token("x" * 100_000) is None


def test_a_signature_made_for_something_else_opens_nothing() -> None:
    assert order_of_token(signing.TimestampSigner(salt="cart", sep=".").sign(uuid4().hex)) is None
    assert order_of_token(signing.TimestampSigner(salt=SALT, sep=".").sign("no uuid")) is None


def test_a_token_ends(settings: Any) -> None:
    token = order_token(uuid4())
    settings.ORDER_LINK_LIFETIME = timedelta(seconds=-1)
    assert order_of_token(token) is None


def test_the_link_leads_to_the_frontend(settings: Any) -> None:
    settings.FRONTEND_URL = "https://shop.example"
    assert order_link(uuid4()).startswith("https://shop.example/track/")
