"""The form of a change."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.history.selectors import Change


class ActorSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class ChangeSerializer(serializers.Serializer[Change]):
    at = serializers.DateTimeField()
    kind = serializers.CharField(
        help_text=(
            "Of a product `product`, `variant`, `image`, `review`, `selling` (beyond the stock) or `stock`; elsewhere "
            "the kind of the row, such as `coupon` or `price`, or of a list of it, such as `promotion_product`."
        )
    )
    id = serializers.UUIDField(help_text="Of what was changed; of a list, of what has it.")
    name = serializers.CharField(help_text="What it was called then: a name, a SKU.")
    action = serializers.CharField(
        help_text="`created`, `changed`, `deleted`; of lists `added`, `removed`; of stock the kind of the movement."
    )
    changes = serializers.DictField(
        child=serializers.DictField(),
        help_text="`before` and `after` by field; references are ids. Of stock, `by` how many units.",
    )
    note = serializers.CharField(help_text="The reason that was given for a change of stock.")
    actor = serializers.SerializerMethodField(help_text="Null: nobody who was signed in, such as an import.")
    via = serializers.CharField(help_text="`api`, `admin`, `import`; empty where it is not known.")
    request_id = serializers.CharField(help_text="The `X-Request-Id` of the request, as in the logs.")

    @extend_schema_field(ActorSerializer(allow_null=True))
    def get_actor(self, change: Change) -> dict[str, Any] | None:
        if not change.actor_id:
            return None
        name = (change.actor.get_full_name() or change.actor.username) if change.actor else ""
        return {"id": change.actor_id, "name": name}
