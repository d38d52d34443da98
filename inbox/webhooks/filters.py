"""What the log of deliveries can be narrowed to."""

from django_filters import rest_framework as filters

from inbox.catalogue import KINDS
from inbox.webhooks.models import WebhookDelivery


class DeliveryFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=WebhookDelivery.Status.choices)
    type = filters.ChoiceFilter(field_name="kind", choices=[(name, name) for name in KINDS])
    object_id = filters.UUIDFilter()

    class Meta:
        model = WebhookDelivery
        fields = ()
