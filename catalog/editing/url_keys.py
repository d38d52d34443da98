"""Which url_keys a product may have."""

from django.utils.text import slugify

from catalog.duplicates import is_id
from catalog.models import Product
from ecommerce.models import new_id

# Addresses of the shop's own below /api/products/, or kept for later.
RESERVED = frozenset({"search", "suggest", "categories", "removed", "import", "export", "facets", "changes", "feed"})
RESERVED_TEXT = "The shop needs this address itself."
_LENGTH: int = Product._meta.get_field("url_key").max_length or 0
_TAIL = 12  # characters that make an url_key unlike any other


def is_free_of_the_shop(url_key: str) -> bool:
    """Tell whether a product would be found by this url_key: the shop has no such address, and takes it for no id."""
    return url_key not in RESERVED and not is_id(url_key)


def free_url_key(name: str) -> str:
    """Return an url_key made from a name, with a tail where the plain one cannot be had."""
    plain = slugify(name)[:_LENGTH].strip("-")
    if plain and is_free_of_the_shop(plain) and not Product.objects.filter(url_key=plain).exists():
        return plain
    tail = new_id().hex[-_TAIL:]
    return f"{plain[: _LENGTH - _TAIL - 1]}-{tail}".strip("-")
