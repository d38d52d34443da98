"""Shipping in the sample shop."""


def load_sample_shipping() -> str:
    """Give the sample shop zones, methods and pick-up points, unless it has zones; say what was done."""
    from orders.shipping.loading import SAMPLE, load_shipping  # what answers requests is not needed to start
    from orders.shipping.models import ShippingZone

    if ShippingZone.objects.exists():
        return "Shipping: the shop has zones already; nothing was loaded."
    return f"Shipping: {load_shipping(SAMPLE)}."
