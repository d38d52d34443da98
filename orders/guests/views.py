"""Taking a guest's order into an account, over HTTP."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import signed_in
from ecommerce.http import checked
from ecommerce.transactions import retry_on_conflict
from orders import selectors
from orders.exceptions import OrderNotFound
from orders.guests import services
from orders.guests.serializers import ClaimSerializer
from orders.links import order_of_token
from orders.serializers import OrderSerializer


class ClaimView(APIView):
    schema_tag = "orders"

    @extend_schema(
        summary="Take a guest's order into your account",
        description=(
            "With the `order_token` of an order that was placed without an account. It is yours then, and its link "
            "shows it but opens it no more. Nothing is taken over because an e-mail address is the same."
        ),
        request=ClaimSerializer,
        responses={200: OrderSerializer},
        examples=[
            OpenApiExample(
                "By the token of the link",
                value={
                    "order_token": "0198c0de000070008000000000000002.1vMdkA.4iXn0gQJ2nC5Jx9mK1mHqjvOQ0r3V9sYcDkLw8eTzUo"
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        order_id = order_of_token(checked(ClaimSerializer, request)["order_token"])
        if order_id is None:
            raise OrderNotFound()
        order = retry_on_conflict(lambda: services.claim_order(order_id, user=user))
        return Response(OrderSerializer(selectors.orders_visible_to(user).get(pk=order.pk)).data)
