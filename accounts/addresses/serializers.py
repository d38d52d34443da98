"""The form of addresses: in a request's body, and in the address book."""

from typing import Any

from rest_framework import serializers

from accounts.addresses.models import PLACE_FIELDS, Address
from accounts.serializers import PhoneNumberField
from ecommerce.geography.addresses import CountryField, checked_address


class PlaceSerializer(serializers.Serializer[Any]):
    """The fields of an address, each by itself; what a country asks of all of them together is checked elsewhere."""

    recipient = serializers.CharField(required=False, allow_blank=True, max_length=120)
    phone_number = PhoneNumberField(required=False, allow_blank=True)
    county = serializers.CharField(
        required=False, allow_blank=True, max_length=60, help_text="One of the 47, in any usual spelling; or a state."
    )
    sub_county = serializers.CharField(required=False, allow_blank=True, max_length=60)
    town = serializers.CharField(required=False, allow_blank=True, max_length=80)
    estate = serializers.CharField(required=False, allow_blank=True, max_length=80)
    landmark = serializers.CharField(required=False, allow_blank=True, max_length=120)
    line1 = serializers.CharField(required=False, allow_blank=True, max_length=120)
    line2 = serializers.CharField(required=False, allow_blank=True, max_length=120)
    rider_note = serializers.CharField(required=False, allow_blank=True, max_length=200)
    country = CountryField(required=False, default="KE")
    postal_code = serializers.CharField(required=False, allow_blank=True, max_length=16)


class AddressSerializer(PlaceSerializer):
    """Where an order goes. Kenya needs no postal code: county, town, estate and a landmark find the door.

    What each country asks for is decided by ``ecommerce.geography``. Texts that are left empty are as good as absent.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return checked_address(attrs)


class SaveAddressSerializer(PlaceSerializer):
    """An address for the book. Making it a default takes that from the one that had it."""

    label = serializers.CharField(  # type: ignore[assignment]  # declared fields are taken off the class
        required=False, allow_blank=True, max_length=60, help_text="What you call it."
    )
    country = CountryField(required=False)
    is_default_shipping = serializers.BooleanField(required=False)
    is_default_billing = serializers.BooleanField(required=False)


class SavedAddressSerializer(serializers.ModelSerializer[Address]):
    class Meta:
        model = Address
        fields = (
            "id",
            "label",
            *PLACE_FIELDS,
            "is_default_shipping",
            "is_default_billing",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields
