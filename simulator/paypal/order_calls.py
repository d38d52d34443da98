"""``/v2/checkout/orders``."""

import time
from dataclasses import replace

from starlette.routing import Route

from simulator.documents import Document
from simulator.paypal.calls import CAPTURE, CREATE, Call, Calls, Done, Job, Reading
from simulator.paypal.errors import PayPalError, issue
from simulator.paypal.identifiers import new_resource_id
from simulator.paypal.models import Order
from simulator.paypal.orders import KIND, Orders
from simulator.paypal.validation import read_context, read_units
from simulator.transport import Struck, prefix_of

URL = "/v2/checkout/orders"


class OrderCalls:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def routes(self, calls: Calls) -> list[Route]:
        one = f"{URL}/{{id}}"
        return [
            Route(URL, calls.post(self._create, CREATE), methods=["POST"]),
            Route(one, calls.get(self._retrieve), methods=["GET"]),
            Route(f"{one}/capture", calls.post(self._capture, CAPTURE), methods=["POST"]),
        ]

    def view(self, order_id: str) -> Document:
        return self._orders.view(self._orders.get(order_id))

    def _create(self, call: Call) -> Job:
        with_source = call.body.get("payment_source") is not None
        if with_source and not call.request_id:
            raise issue("PAYPAL_REQUEST_ID_REQUIRED", field="PayPal-Request-Id")
        units, context = read_units(call.body), read_context(call.body)
        order = Order(
            id=new_resource_id(),
            units=units,
            base=call.base,
            origin=call.origin,
            created_at=time.time(),
            with_source=with_source,
            status="PAYER_ACTION_REQUIRED" if with_source else "CREATED",
            return_url=context["return_url"],
            cancel_url=context["cancel_url"],
            brand=context["brand"],
        )

        def run(struck: Struck) -> Done:
            own = prefix_of(CREATE.stage)
            kept = tuple(fault for fault in struck.faults if not fault.name.startswith(own))
            opened = self._orders.open(replace(order, faults=kept))
            return Done(KIND, opened.id, 200 if with_source else 201)

        return Job(run, reference=order.reference, opens=True)

    def _retrieve(self, call: Call) -> Reading:
        order = self._orders.get(call.path["id"])
        return Reading(self._orders.view(order), order)

    def _capture(self, call: Call) -> Job:
        order = self._orders.get(call.path["id"])

        def run(struck: Struck) -> Done | PayPalError:
            refused = self._orders.capture(self._orders.get(order.id), struck)
            return refused or Done(KIND, order.id)

        return Job(run, order)
