"""What the list of notifications can be narrowed to."""

from django_filters import rest_framework as filters

from ecommerce.filters import YesOrNoFilter
from inbox.notifications.models import Notification, Topic


class NotificationFilter(filters.FilterSet):
    unread = YesOrNoFilter(field_name="read_at", lookup_expr="isnull")
    topic = filters.ChoiceFilter(choices=Topic.choices)

    class Meta:
        model = Notification
        fields = ()
