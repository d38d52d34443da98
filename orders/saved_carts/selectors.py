"""Reading saved carts."""

from django.db.models import Prefetch, QuerySet

from accounts.models import User
from orders.saved_carts.models import SavedCart, SavedCartItem


def saved_carts_of(user: User) -> QuerySet[SavedCart]:
    """A customer's own, with their lines, in two statements; newest first."""
    shown = ("variant__sku", "variant__product__product_name")
    own = [field.name for field in SavedCartItem._meta.concrete_fields]
    items = SavedCartItem.objects.select_related("variant__product").only(*own, *shown)
    return SavedCart.objects.filter(user=user).prefetch_related(Prefetch("items", queryset=items))
