"""The form of requests and answers about recipients of gift cards."""

from rest_framework import serializers

from orders.gifts.models import GiftRecipient


class GiftRecipientSerializer(serializers.ModelSerializer[GiftRecipient]):
    message = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")

    class Meta:
        model = GiftRecipient
        fields = ("recipient_email", "message")
