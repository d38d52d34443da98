"""Settings of baskets and orders."""

from datetime import timedelta
from decimal import Decimal

from ecommerce.environment import ENVIRONMENT, flag, whole_number

VAT_RATE = Decimal("0.16")  # Kenya's standard rate. Source: VAT Act 2013, section 5.
PRICES_INCLUDE_TAX = flag("PRICES_INCLUDE_TAX", default=True)
VAT_REDUCED_RATE = Decimal("0.08")  # on fuel. Source: VAT Act 2013, section 5 (2) (aa).

ORDER_RESERVATION = timedelta(seconds=whole_number("ORDER_RESERVATION_SECONDS", 900, most=604_800))
# Orders that one customer may have unpaid at a time, and units of one product that these may hold together. A laptop,
# where demos and benches buy as one person, gets more.
_LOCAL_FACTOR = 100 if ENVIRONMENT == "local" else 1
ORDER_MAX_UNPAID = whole_number("ORDER_MAX_UNPAID", 10 * _LOCAL_FACTOR, most=1_000_000)
ORDER_MAX_UNITS_HELD = whole_number("ORDER_MAX_UNITS_HELD", 1000 * _LOCAL_FACTOR, most=100_000_000)
ORDER_MAX_LINES = 100
ORDER_MAX_QUANTITY = 1000
# How long the link in a guest's mail opens their order.
ORDER_LINK_LIFETIME = timedelta(days=whole_number("ORDER_LINK_DAYS", 180, most=3_650))
# How long after its delivery an order can be given back; longer where the shop is at fault. And how long the goods of
# an approved return are waited for.
ORDER_RETURN_WINDOW = timedelta(days=whole_number("ORDER_RETURN_DAYS", 14, most=3_650))
ORDER_RETURN_WINDOW_FAULTY = timedelta(days=whole_number("ORDER_RETURN_FAULTY_DAYS", 30, most=3_650))
ORDER_RETURN_SEND_WITHIN = timedelta(days=whole_number("ORDER_RETURN_SEND_DAYS", 14, most=365))
# Refuse POST /api/orders/ without a shipping method where the shop has any; the checkout always does.
SHIPPING_REQUIRED = flag("SHIPPING_REQUIRED")
# What a unit weighs of which nobody has said it.
SHIPPING_DEFAULT_WEIGHT = whole_number("SHIPPING_DEFAULT_WEIGHT_GRAMS", 500, most=1_000_000)

# Who brings parcels: a name, and the page that follows one (https, with the place of its ``{number}``), where there is
# one that opens by its number. Keys stand in shipments: an old one stays, or becomes its bare key to those who look.
CARRIERS = {
    "own_rider": {"name": "Our own rider", "tracking_url": ""},
    "fargo": {"name": "Fargo Courier", "tracking_url": ""},
    "wells_fargo": {"name": "Wells Fargo Kenya", "tracking_url": ""},
    "g4s": {"name": "G4S Courier", "tracking_url": ""},
    "sendy": {"name": "Sendy", "tracking_url": ""},
    "pickup_mtaani": {"name": "Pickup Mtaani", "tracking_url": ""},
    "dhl": {"name": "DHL", "tracking_url": "https://www.dhl.com/ke-en/home/tracking.html?tracking-id={number}"},
    "other": {"name": "Another carrier", "tracking_url": ""},
}
# How long a cart that nobody changes is kept. What was put aside under a name is kept for ever.
CART_LIFETIME_GUEST = timedelta(days=whole_number("CART_DAYS_GUEST", 30, most=3_650))
CART_LIFETIME_USER = timedelta(days=whole_number("CART_DAYS_USER", 365, most=3_650))
SAVED_CARTS_MOST = 20  # of one customer
# One mail about each cart that was left, to customers with a confirmed address who have not refused.
CART_REMINDERS = flag("CART_REMINDERS", default=True)
CART_REMINDER_AFTER = timedelta(hours=whole_number("CART_REMINDER_HOURS", 24, most=8_760))
