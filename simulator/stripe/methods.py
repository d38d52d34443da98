"""Payment methods: test cards by id, by token or by number. ``/v1/payment_methods``."""

from starlette.routing import Route

from simulator.documents import Document, Documents
from simulator.stripe.calls import Call, Calls, Job, Reading
from simulator.stripe.cards import Card, card_named, card_of_method, card_of_number, card_of_token, payment_method
from simulator.stripe.errors import StripeError, no_such
from simulator.stripe.events import Events
from simulator.stripe.fields import Fields
from simulator.stripe.wire import Answer, Struck

KIND = "payment_method"
URL = "/v1/payment_methods"


def read_card(fields: Fields, documents: Documents) -> Card | None:
    """Return the test card that ``payment_method`` or ``payment_method_data`` names, None where neither is given.

    Raises:
        StripeError: there is no such payment method or test card.
    """
    method_id = fields.text("payment_method")
    data = fields.inner("payment_method_data")
    if data is not None:
        return _read_card_data(data)
    if method_id is None:
        return None
    if card := card_of_method(method_id):
        return card
    name = documents.owner_of(KIND, method_id)
    if not name:
        raise no_such("PaymentMethod", method_id, "payment_method", status=400)
    return card_named(name)


def _read_card_data(data: Fields) -> Card:
    data.choice("type", ("card",), required=True)
    inner = data.required_inner("card")
    data.refuse_rest("allow_redisplay", "billing_details", "metadata")
    token, number = inner.text("token"), inner.text("number")
    inner.refuse_rest("exp_month", "exp_year", "cvc", "networks")
    if token:
        card = card_of_token(token)
        if card is None:
            raise no_such("token", token, "card[token]", status=400)
        return card
    card = card_of_number(number or "")
    if card is None:
        raise _incorrect_number()
    return card


def _incorrect_number() -> StripeError:
    return StripeError(402, "card_error", "Your card number is incorrect.", code="incorrect_number", param="number")


class MethodCalls:
    def __init__(self, documents: Documents, events: Events) -> None:
        self._documents = documents
        self._events = events

    def routes(self, calls: Calls) -> list[Route]:
        return [
            Route(URL, calls.post(self._create), methods=["POST"]),
            Route(f"{URL}/{{id}}", calls.get(self._retrieve), methods=["GET"]),
        ]

    def _create(self, call: Call) -> Job:
        card = _read_card_data(call.fields)
        method = payment_method(card, livemode=self._events.livemode)

        def run(_: Struck) -> Answer:
            return Answer(self._documents.save(KIND, method, card.name))

        return Job(run)

    def _retrieve(self, call: Call) -> Reading:
        call.fields.refuse_rest()
        return Reading(_known(self._documents, call), kind=KIND)


def _known(documents: Documents, call: Call) -> Document:
    method = documents.get(KIND, call.path["id"])
    if method is None:
        raise no_such("PaymentMethod", call.path["id"], "payment_method")
    return method
