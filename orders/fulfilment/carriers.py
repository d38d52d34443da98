"""Who brings parcels; ``settings.CARRIERS`` has them."""

from urllib.parse import quote

from django.conf import settings


def carrier_choices() -> list[tuple[str, str]]:
    return [(key, carrier["name"]) for key, carrier in settings.CARRIERS.items()]


def carrier_name(key: str) -> str:
    """Return what people call a carrier; its key, if it is none of the shop's any more."""
    name: str = settings.CARRIERS.get(key, {}).get("name", key)
    return name


def tracking_link(carrier: str, number: str) -> str:
    """Return the carrier's page that follows this parcel, or nothing where there is none."""
    template: str = settings.CARRIERS.get(carrier, {}).get("tracking_url", "")
    return template.replace("{number}", quote(number, safe="")) if template and number else ""
