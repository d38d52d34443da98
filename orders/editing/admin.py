"""Editing an order on its page in the admin, by the same service as the API."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.models import User
from catalog.models import Variant
from ecommerce.admin_base import EMPTY, Table, money, table, when
from orders.editing import services
from orders.editing.delivery_form import delivery_fields, read_delivery
from orders.editing.lines import LineEdit
from orders.editing.models import ManualDiscount
from orders.editing.pricing import DiscountInput
from orders.editing.versions import etag_of
from orders.models import Order
from orders.promotions.codes import normalise
from orders.promotions.entered import MAX_CODES
from orders.promotions.held import redemptions_of

_LINE = "line_"  # a field of the form for each line of the order
_ADDED = 3  # places for other goods


class EditForm(forms.Form):
    """Quantities are those that the order shall have. ``version`` is that of the order which the form was made of."""

    coupons = forms.CharField(
        required=False, max_length=200, widget=UnfoldAdminTextInputWidget(), help_text="All codes, with commas between."
    )
    discount_percent = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_value=Decimal(100),
        max_digits=5,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="Off the goods, after all promotions.",
    )
    discount_amount = forms.DecimalField(
        required=False,
        min_value=Decimal("0.01"),
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="Or so much. Both empty: none.",
    )
    discount_reason = forms.CharField(required=False, max_length=120, widget=UnfoldAdminTextInputWidget())
    reason = forms.CharField(
        max_length=120, widget=UnfoldAdminTextInputWidget(), help_text="The customer sees it, with what was changed."
    )
    version = forms.CharField(widget=forms.HiddenInput())

    def clean_coupons(self) -> list[str]:
        codes = [normalise(code) for code in self.cleaned_data["coupons"].split(",") if code.strip()]
        if len(codes) > MAX_CODES:
            raise forms.ValidationError(f"At most {MAX_CODES} codes.", code="too_many_codes")
        return codes

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        numbers = [data.get("discount_percent"), data.get("discount_amount")]
        if None not in numbers:
            self.add_error("discount_amount", "Give a percentage or an amount, not both.")
        if numbers != [None, None] and not data.get("discount_reason"):
            self.add_error("discount_reason", "Say why.")
        data["lines"] = [*self._lines(data), *self._added(data)]
        data["delivery"] = read_delivery(self, data)
        return data

    def _lines(self, data: dict[str, Any]) -> list[LineEdit]:
        chosen = {name: data[name] for name in data if name.startswith(_LINE)}
        return [
            LineEdit(units, item_id=UUID(name.removeprefix(_LINE)))
            for name, units in chosen.items()
            if units is not None and units != self.fields[name].initial
        ]

    def _added(self, data: dict[str, Any]) -> list[LineEdit]:
        added = []
        for number in range(1, _ADDED + 1):
            sku, units = data.get(f"add_{number}"), data.get(f"add_{number}_units")
            if not sku:
                continue
            variant = Variant.objects.filter(sku__iexact=sku).only("pk").first()
            if variant is None:
                self.add_error(f"add_{number}", "There is no such SKU.")
            else:
                added.append(LineEdit(units or 1, variant_id=variant.pk))
        return added


def edit_form(order: Order) -> type[EditForm]:
    """Return a form with the lines of an order, places for others, and where it goes."""
    fields: dict[str, Any] = {
        f"{_LINE}{item.pk}": forms.IntegerField(
            label=f"{item.product_name} ({item.sku})",
            required=False,
            min_value=0,
            max_value=settings.ORDER_MAX_QUANTITY,
            initial=item.open_quantity,
            widget=UnfoldAdminIntegerFieldWidget(),
            help_text=f"{money(item.price, order.currency)} each. 0 takes it out.",
        )
        for item in order.items.all()
        if item.open_quantity
    }
    for number in range(1, _ADDED + 1):
        fields[f"add_{number}"] = forms.CharField(
            label="Add (SKU)", required=False, max_length=64, widget=UnfoldAdminTextInputWidget()
        )
        fields[f"add_{number}_units"] = forms.IntegerField(
            label="Units",
            required=False,
            min_value=1,
            max_value=settings.ORDER_MAX_QUANTITY,
            widget=UnfoldAdminIntegerFieldWidget(),
        )
    fields |= delivery_fields(order)
    return type("OrderEditForm", (EditForm,), {**fields, "field_order": list(fields)})


def initial_of(order: Order) -> dict[str, Any]:
    """Return what an order has, for the fields of its form."""
    given = ManualDiscount.objects.filter(order=order).first()
    codes = (one.coupon.code for one in redemptions_of(order) if one.coupon)
    return {
        "coupons": ", ".join(codes),
        "discount_percent": given and given.percent,
        "discount_amount": given and given.amount,
        "discount_reason": given.reason if given else "",
        "version": etag_of(order),
    }


def apply_form(order: Order, data: dict[str, Any], *, actor: User) -> str:
    """Edit an order by what a form says; return what to tell."""
    percent, amount = data["discount_percent"], data["discount_amount"]
    wanted = DiscountInput(data["discount_reason"], percent, amount) if percent or amount else None
    given = ManualDiscount.objects.filter(order=order).first()
    had = DiscountInput(given.reason, given.percent, given.amount) if given else None
    edited = services.edit_order(
        order.pk,
        services.Edit(
            lines=data["lines"],
            delivery=data["delivery"],
            codes=data["coupons"],
            discount=wanted if wanted != had else None,
            drops_discount=wanted is None and had is not None,
            reason=data["reason"],
        ),
        actor=actor,
        etags=[data["version"]],
    )
    shipping = f", {money(edited.shipping, edited.currency)} of it for shipping" if edited.shipping else ""
    return f"Edited. The order now costs {money(edited.total_amount, edited.currency)}{shipping}."


def edits_of_order(request: HttpRequest, order: Order) -> list[Table]:
    """Return the tables of an order's edits and of what was taken off by hand, for the order's page."""
    tables = []
    given = ManualDiscount.objects.select_related("given_by").filter(order=order).first()
    if given is not None:
        row = (str(given), money(given.taken_off, order.currency), given.reason, str(given.given_by or EMPTY))
        tables.append(table("Discount by hand", ("Off the goods", "Together", "Reason", "Who"), [row]))
    rows = [
        (
            when(edit.created_at),
            "; ".join(f"{one['what']}: {one['before'] or EMPTY} → {one['after'] or EMPTY}" for one in edit.changes),
            f"{money(edit.total_before, order.currency)} → {money(edit.total_after, order.currency)}",
            edit.reason or EMPTY,
            str(edit.actor or EMPTY),
        )
        for edit in order.edits.select_related("actor")
    ]
    if rows:
        tables.append(table("Edits", ("Time", "What", "Total", "Reason", "Who"), rows))
    return tables
