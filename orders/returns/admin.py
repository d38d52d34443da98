"""Returns, as shop staff work on them: each step by the same services as over the API."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts.models import User
from catalog.inventory.models import Warehouse
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ReadOnlyAdmin,
    Table,
    Waiting,
    badge,
    column,
    detail_action,
    link_to,
    money,
    table,
    when,
)
from orders.admin import OrderAdmin
from orders.models import Order
from orders.returns import receiving, selectors, services, settling
from orders.returns.models import Return

LOOKS = {
    Return.Status.REQUESTED: "warning",
    Return.Status.APPROVED: "info",
    Return.Status.RECEIVED: "primary",
    Return.Status.REFUNDED: "success",
    Return.Status.EXCHANGED: "success",
    Return.Status.REJECTED: "danger",
    Return.Status.CANCELLED: "",
}

WAITING += [
    Waiting(
        "Returns to be decided",
        "assignment_return",
        Return.objects.filter(status=Return.Status.REQUESTED),
        "status__exact=requested",
    ),
    Waiting(
        "Returned goods to be paid back",
        "currency_exchange",
        Return.objects.filter(status=Return.Status.RECEIVED),
        "status__exact=received",
    ),
]


class DecisionForm(forms.Form):
    note = forms.CharField(
        required=False, max_length=150, widget=UnfoldAdminTextInputWidget(), help_text="The customer reads it."
    )


class RejectForm(forms.Form):
    note = forms.CharField(max_length=150, widget=UnfoldAdminTextInputWidget(), help_text="Why; the customer reads it.")


class ReceiveForm(DecisionForm):
    restock = forms.BooleanField(
        required=False, initial=True, widget=UnfoldBooleanWidget(), help_text="For sale again; else written off."
    )
    warehouse = forms.ModelChoiceField(
        Warehouse.objects.filter(is_active=True),
        required=False,
        empty_label="The default one",
        widget=UnfoldAdminSelectWidget(),
        help_text="Where the goods are put.",
    )


class RefundForm(DecisionForm):
    restocking_fee = forms.DecimalField(
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=2,
        initial=Decimal("0.00"),
        widget=UnfoldAdminTextInputWidget(),
    )
    refund_shipping = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget(), help_text="Give the order's charge for shipping back, too."
    )


@admin.register(Return)
class ReturnAdmin(ReadOnlyAdmin):
    list_display = ("number", "state", "order_link", "reason", "resolution", "refunded", "send_by", "created_at")
    list_filter = ("status", "reason", "resolution", "created_at")
    list_select_related = ("order",)
    search_fields = ("number", "order__email", "order__phone_number")
    ordering = ("-created_at", "-id")
    actions_detail = ("approve", "reject", "receive", "refund", "exchange", "cancel")
    fieldsets = (
        (None, {"fields": (("number", "state", "order_link"), ("reason", "resolution"))}),
        ("Notes", {"fields": (("customer_note", "staff_note"),)}),
        ("Money", {"fields": (("refunded", "fee", "shipping"), "replacement_link", "exchange_link")}),
        ("Times", {"fields": (("created_at", "approved_at", "send_by"), ("received_at", "ended_at"))}),
    )

    TARGETS: ClassVar[dict[str, Return.Status]] = {
        "approve": Return.Status.APPROVED,
        "reject": Return.Status.REJECTED,
        "receive": Return.Status.RECEIVED,
        "refund": Return.Status.REFUNDED,
        "exchange": Return.Status.EXCHANGED,
        "cancel": Return.Status.CANCELLED,
    }

    def has_refund_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(request.user, User) and selectors.refunds_returns(request.user)

    def offers(self, name: str, obj: Return) -> bool:
        if name == "exchange" and obj.resolution != Return.Resolution.EXCHANGE:
            return False
        return self.TARGETS[name] in Return.TRANSITIONS[obj.status]

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Approve", icon="check_circle")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "The customer is told by mail to send the goods."
        return self._step(request, object_id, services.approve_return, "Approve", "Approved.", question=question)

    @detail_action("Reject", icon="block", danger=True)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "The customer is told why by mail."
        page = {"form_class": RejectForm, "danger": True, "question": question}
        return self._step(request, object_id, services.reject_return, "Reject", "Rejected.", **page)

    @detail_action("Goods are here", icon="inventory")
    def receive(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def take_in(return_id: Any, *, restock: bool, warehouse: Warehouse | None, **fields: Any) -> Return:
            items = Return.objects.get(pk=return_id).items.all()
            come = [receiving.Arrival(item.pk, item.quantity, restock=restock, warehouse=warehouse) for item in items]
            return receiving.receive_return(return_id, come, **fields)

        question = "All of it, as it was asked for. If only some has come, say so over the API."
        page = {"form_class": ReceiveForm, "initial": {"restock": True}, "question": question}
        return self._step(request, object_id, take_in, "Goods are here", "Received.", **page)

    @detail_action("Refund", icon="currency_exchange", permission="refund")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        page = {"form_class": RefundForm, "initial": {"restocking_fee": "0.00"}, "permission": "refund"}
        question = "What was paid for the goods goes back to the customer, less the fee."
        return self._step(
            request, object_id, settling.refund_return, "Refund", "Promised back.", question=question, **page
        )

    @detail_action("Exchange", icon="swap_horiz")
    def exchange(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "The wanted goods go on order for the customer, at no cost."
        return self._step(
            request, object_id, settling.exchange_return, "Exchange", "The goods are on order.", question=question
        )

    @detail_action("Cancel return", icon="cancel", danger=True)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "No goods are waited for any more."
        page = {"question": question, "danger": True}
        return self._step(request, object_id, services.cancel_return, "Cancel return", "Cancelled.", **page)

    def _step(
        self,
        request: HttpRequest,
        object_id: str,
        service: Callable[..., Return],
        title: str,
        done: str,
        **page: Any,
    ) -> HttpResponseBase:
        def do(goods_return: Return, data: dict[str, Any]) -> str:
            service(goods_return.pk, actor=request.user, **data)
            return done

        return self.confirmed(request, object_id, do, title=title, **{"form_class": DecisionForm, **page})

    # --- The page of one return --------------------------------------------------------------------------------

    def tables(self, request: HttpRequest, obj: Return) -> list[Table]:
        rows = [
            (
                item.order_item.product_name,
                item.order_item.sku,
                item.quantity,
                item.received_quantity,
                item.get_condition_display() or EMPTY,
                EMPTY if item.restock is None else str(item.warehouse or "default") if item.restock else "written off",
                money(item.amount, obj.order.currency) if item.received_quantity else EMPTY,
                item.exchange_variant.sku if item.exchange_variant else EMPTY,
            )
            for item in obj.items.select_related("order_item", "warehouse", "exchange_variant")
        ]
        headers = ("Product", "SKU", "Units", "Received", "Condition", "Put into", "Worth", "In exchange")
        return [table("Items", headers, rows)]

    # --- Columns and fields ------------------------------------------------------------------------------------

    @column("Status", ordering="status")
    def state(self, goods_return: Return) -> str:
        return badge(goods_return.get_status_display(), LOOKS[Return.Status(goods_return.status)])

    @column("Order", ordering="order__number")
    def order_link(self, goods_return: Return) -> str:
        return link_to(goods_return.order)

    @column("Given back", ordering="refund_amount")
    def refunded(self, goods_return: Return) -> str:
        return money(goods_return.refund_amount, goods_return.order.currency)

    @column("Fee")
    def fee(self, goods_return: Return) -> str:
        return money(goods_return.restocking_fee, goods_return.order.currency)

    @column("Shipping given back")
    def shipping(self, goods_return: Return) -> str:
        return money(goods_return.shipping_amount, goods_return.order.currency)

    @column("Replacement")
    def replacement_link(self, goods_return: Return) -> str:
        return link_to(goods_return.replacement)

    @column("Ordered with it")
    def exchange_link(self, goods_return: Return) -> str:
        return link_to(goods_return.exchange_order)


def returns_of(request: HttpRequest, order: Order) -> list[Table]:
    """Return the table of an order's returns for its page, if it has any."""
    rows = [
        (
            link_to(one, one.number),
            badge(one.get_status_display(), LOOKS[Return.Status(one.status)]),
            one.get_reason_display(),
            money(one.refund_amount, order.currency),
            when(one.created_at),
        )
        for one in order.returns.all()
    ]
    return [table("Returns", ("Number", "Status", "Reason", "Given back", "Asked for"), rows)] if rows else []


OrderAdmin.more_tables.append(returns_of)
