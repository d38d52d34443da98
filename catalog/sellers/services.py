"""What the catalogue does when a seller's standing changes."""

from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User
from catalog.models import Product


def follow_standing(seller: User) -> None:
    """Hide what a suspended seller sells, or show again what was hidden with them.

    Which of the two, a trigger decides for each product that says anew whether it is active: so it holds for what
    others write meanwhile, too. Everything that follows ``is_active`` (lists, search, carts) follows this.
    """
    concerned = Product.objects.filter(Q(is_active=True) | Q(is_withheld=True), seller=seller)
    concerned.update(is_active=F("is_active"), updated_at=Now())
