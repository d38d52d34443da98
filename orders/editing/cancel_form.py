"""Cancelling some units of an order on its page in the admin, by the same service as the API."""

from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.models import User
from ecommerce.admin_base import NoteForm
from orders import giving_back
from orders.cancelling import UnitsInput, cancel_units
from orders.editing.exceptions import NothingToChange, OrderChanged
from orders.models import Order
from orders.transitions import lock_order

_LINE = "line_"  # a field of the form for each line of the order


def units_form(order: Order) -> type[NoteForm]:
    """Return a form with a number of units for each line that has some which can be cancelled."""
    fields: dict[str, Any] = {
        f"{_LINE}{item.pk}": forms.IntegerField(
            label=f"{item.product_name} ({item.sku})",
            required=False,
            min_value=0,
            max_value=item.open_quantity,
            initial=0,
            widget=UnfoldAdminIntegerFieldWidget(),
            help_text=f"{item.open_quantity} can be cancelled.",
        )
        for item in order.items.all()
        if item.open_quantity
    }
    # Required, so that what was typed stays when it is refused; and so that no form cancels twice.
    fields["version"] = forms.CharField(initial=_version(order), widget=forms.HiddenInput())
    return type("UnitsForm", (NoteForm,), {**fields, "field_order": list(fields)})


@transaction.atomic
def cancel_by_form(order: Order, data: dict[str, Any], *, actor: User) -> str:
    """Cancel the units that a form says; return what to tell.

    Raises:
        NothingToChange: no unit was named.
        OrderChanged: the form was made of an older order, such as before it was sent the first time.
    """
    wanted = [
        UnitsInput(UUID(name.removeprefix(_LINE)), units)
        for name, units in data.items()
        if name.startswith(_LINE) and units
    ]
    if not wanted:
        raise NothingToChange()
    giving_back.prepare(order.pk)  # what is locked before the order
    if _version(lock_order(order.pk)) != data["version"]:
        raise OrderChanged()
    done = cancel_units(order.pk, wanted, actor=actor, note=data["note"][:150])
    if done.status == Order.Status.CANCELLED:
        return "Cancelled."
    return f"{sum(one.quantity for one in wanted)} cancelled."


def _version(order: Order) -> str:
    """Return what is open of each line: of a paid order, that is all that such a form changes."""
    return "-".join(str(item.open_quantity) for item in order.items.order_by("position"))
