"""How goods are taxed, as the Kenya Revenue Authority tells it apart.

Source: VAT Act 2013, sections 5 and 7, First and Second Schedule.
"""

from django.db.models import TextChoices


class TaxKind(TextChoices):
    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO_RATED = "zero_rated"  # taxed, at nothing: input tax is still given back
    EXEMPT = "exempt"  # not taxed at all
    OUTSIDE = "outside"  # no supply: a gift card is money for later, and what it buys is taxed then
