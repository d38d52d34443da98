"""What sellers may be called: buyers must not take one for another, nor for the shop."""

import re
import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.names import RESERVED
from accounts.sellers.models import SellerProfile

_MARKS = frozenset(" &'.,-()/+\N{RIGHT SINGLE QUOTATION MARK}")
# Addresses below /sellers/ that are no seller's.
_OWN_ADDRESSES = frozenset({"me", "applications"})


def cleaned_name(text: str) -> str:
    """Return a name in its one form.

    Raises:
        ValidationError: it has other characters than Latin letters, digits and a few marks, or is kept for the shop.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not any(letter.isalnum() for letter in name) or not all(_is_plain(letter) for letter in name):
        raise ValidationError("Use Latin letters, digits, spaces and & ' . , - ( ) / + only.", code="invalid_name")
    bare = re.sub(r"[^a-z0-9]", "", slugify(name))
    if not bare or bare in RESERVED or re.sub(r"[^a-z0-9]", "", settings.SHOP_NAME.lower()) in bare:
        raise ValidationError("This name is kept for the shop.", code="reserved_name")
    return name


def free_url_key(name: str) -> str:
    """Return an address made of a name that no seller has yet; whoever saves it holds against another at once."""
    base = slugify(name)[:80].strip("-") or "seller"
    taken = set(SellerProfile.objects.filter(url_key__startswith=base).values_list("url_key", flat=True))
    key, number = base, 1
    while key in taken or key in _OWN_ADDRESSES:
        number += 1
        key = f"{base}-{number}"
    return key


def _is_plain(letter: str) -> bool:
    if letter in _MARKS or letter in "0123456789":
        return True
    return letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN ")
