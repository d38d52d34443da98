"""Orders: shown as they are, and moved on by the same services as everywhere."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponseBase
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from ecommerce.admin_base import (
    EMPTY,
    WAITING,
    ConfirmForm,
    NoteForm,
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
from orders import services
from orders.bulk.admin import BulkActions
from orders.editing.admin import apply_form, edit_form, edits_of_order, initial_of
from orders.editing.cancel_form import cancel_by_form, units_form
from orders.exporting.admin import ExportAction
from orders.finding.matching import orders_matching
from orders.fulfilment.admin import send_parcel, ship_form, shipments_of_order
from orders.models import Order, OrderItem
from orders.shipping import admin as shipping_admin  # noqa: F401 - registers itself

ORDER_LOOKS = {
    Order.Status.PENDING: "warning",
    Order.Status.PAID: "info",
    Order.Status.SHIPPED: "primary",
    Order.Status.DELIVERED: "success",
    Order.Status.CANCELLED: "",
    Order.Status.REFUNDED: "danger",
}
PAYMENT_LOOKS = {"pending": "warning", "successful": "success", "failed": "danger"}
ADDRESS_LINES = (
    "recipient",
    "phone_number",
    "line1",
    "line2",
    "estate",
    "landmark",
    "town",
    "sub_county",
    "county",
    "postal_code",
    "country",
    "rider_note",
)
ITEM_COLUMNS = (
    *("product_name", "sku", "options", "quantity", "uncharged_quantity", "awaited_quantity", "price", "position"),
)

WAITING += [
    Waiting(
        "Paid, to be shipped", "local_shipping", Order.objects.filter(status=Order.Status.PAID), "status__exact=paid"
    ),
    Waiting(
        "To be shipped, paid at the door",
        "payments",
        Order.objects.filter(status=Order.Status.PENDING, pay_on_delivery=True),
        "status__exact=pending&pay_on_delivery__exact=1",
    ),
]

TablesOf = Callable[[HttpRequest, Order], list[Table]]


class PaymentFilter(admin.SimpleListFilter):
    title = "payment"
    parameter_name = "payment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        # By name: payments import orders, not the reverse.
        statuses: list[tuple[str, str]] = apps.get_model("payments", "Payment").Status.choices
        return [("none", "Not started"), *statuses, ("needs_refund", "Needs a refund")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() is None:
            return queryset
        if self.value() == "none":
            return queryset.filter(payment__isnull=True)
        if self.value() == "needs_refund":
            return queryset.filter(payment__needs_refund=True)
        return queryset.filter(payment__status=self.value())


@admin.register(Order)
class OrderAdmin(BulkActions, ExportAction):
    list_display = ("number", "state", "customer", "phone_number", "total", "units", "payment_state", "created_at")
    list_filter = ("status", PaymentFilter, "created_at", "payment_open", "pay_on_delivery")
    list_select_related = ("user", "payment")
    search_fields = ("number",)  # makes the box appear; get_search_results does the work
    search_help_text = "Order number, phone number, name, e-mail, SKU or M-PESA receipt"
    ordering = ("-created_at", "-id")
    actions = ("ship_selected", "deliver_selected", "cancel_selected", "export_selected")
    actions_detail = ("ship", "deliver", "edit", "cancel_units", "cancel")
    fieldsets = (
        (
            None,
            {"fields": (("number", "state", "created_at"), ("paid_at", "reserved_until", "being_paid"), "at_the_door")},
        ),
        ("Customer", {"fields": (("customer_link", "email", "phone_number"), ("address", "note"))}),
        ("Amounts", {"fields": (("total", "subtotal_text", "discount_text"), ("shipping_text", "tax_text"))}),
    )

    # What apps above this one add to an order's page; payments put theirs in.
    more_tables: ClassVar[list[TablesOf]] = [shipments_of_order, edits_of_order]

    TARGETS: ClassVar[dict[str, Order.Status]] = {
        "ship": Order.Status.SHIPPED,
        "deliver": Order.Status.DELIVERED,
        "cancel": Order.Status.CANCELLED,
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        counted = OrderItem.objects.filter(order=OuterRef("pk")).order_by().values("order")
        units = Subquery(counted.annotate(n=Sum("quantity")).values("n"))
        orders: QuerySet[Order] = super().get_queryset(request).annotate(units=units)
        return orders

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=orders_matching(search_term).values("pk")), False

    def offers(self, name: str, obj: Order) -> bool:
        if name == "edit":
            return obj.status == Order.Status.PENDING and not obj.payment_open
        if name == "cancel_units":
            return Order.Status.CANCELLED in obj.next_statuses
        return self.TARGETS[name] in obj.next_statuses

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Ship", icon="local_shipping")
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        order = self.get_object(request, unquote(object_id))
        return self.confirmed(
            request,
            object_id,
            lambda order, data: send_parcel(order, data, actor=request.user),  # type: ignore[arg-type]  # staff
            title="Ship",
            question="These goods leave the shelf now and are taken off the stock. Empty lines: all that is left.",
            form_class=ship_form(order) if order else ConfirmForm,
        )

    @detail_action("Delivered", icon="where_to_vote")
    def deliver(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(
            request,
            object_id,
            services.deliver_order,
            title="Delivered",
            done="Delivered.",
            question="The customer has the goods.",
        )

    @detail_action("Edit", icon="edit")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        order = self.get_object(request, unquote(object_id))
        return self.confirmed(
            request,
            object_id,
            lambda order, data: apply_form(order, data, actor=request.user),  # type: ignore[arg-type]  # staff
            title="Edit",
            question="The order is priced again, and its customer gets a mail that says what was changed.",
            button="Save",
            preview=True,
            form_class=edit_form(order) if order else ConfirmForm,
            initial=initial_of(order) if order else None,
        )

    @detail_action("Cancel some", icon="remove_shopping_cart")
    def cancel_units(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        order = self.get_object(request, unquote(object_id))
        return self.confirmed(
            request,
            object_id,
            lambda order, data: cancel_by_form(order, data, actor=request.user),  # type: ignore[arg-type]  # staff
            title="Cancel some",
            question="These units go back on sale, and what was paid for them goes back to the customer.",
            form_class=units_form(order) if order else ConfirmForm,
        )

    @detail_action("Cancel order", icon="cancel", danger=True)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return self._move(
            request,
            object_id,
            services.cancel_order,
            title="Cancel order",
            done="Cancelled.",
            question=(
                "The order ends here, its goods go back on sale, and what was paid goes back to the customer. "
                "This cannot be undone."
            ),
            danger=True,
        )

    def _move(
        self, request: HttpRequest, object_id: str, service: Callable[..., Order], *, done: str, **page: Any
    ) -> HttpResponseBase:
        def do(order: Order, data: dict[str, Any]) -> str:
            service(order.pk, actor=request.user, note=data["note"])
            return done

        return self.confirmed(request, object_id, do, **{"form_class": NoteForm, **page})

    # --- The page of one order ---------------------------------------------------------------------------------

    def tables(self, request: HttpRequest, obj: Order) -> list[Table]:
        added = [item for tables_of in self.more_tables for item in tables_of(request, obj)]
        return [self._items(obj), *added, self._timeline(obj)]

    def _items(self, order: Order) -> Table:
        rows = [
            (
                link_to(item.product, item.product_name),
                item.sku,
                ", ".join(str(option) for option in item.options.values()) or EMPTY,
                f"{item.quantity}, {item.awaited_quantity} to come" if item.awaited_quantity else item.quantity,
                money(item.price, order.currency),
                money(item.price * item.charged_quantity, order.currency),
            )
            for item in order.items.select_related("product").only("order", "product__id", *ITEM_COLUMNS)
        ]
        return table("Items", ("Product", "SKU", "Options", "Units", "Price", "Together"), rows)

    def _timeline(self, order: Order) -> Table:
        rows = [
            (
                when(event.created_at),
                format_html("{} → {}", event.from_status or "new", event.to_status),
                event.note or EMPTY,
                str(event.actor or "the shop"),
            )
            for event in order.events.select_related("actor")
        ]
        return table("Timeline", ("Time", "Status", "Note", "Who"), rows)

    # --- Columns and fields ------------------------------------------------------------------------------------

    @column("Status", ordering="status")
    def state(self, order: Order) -> str:
        return badge(order.get_status_display(), ORDER_LOOKS[Order.Status(order.status)])

    @column("Payment under way")
    def being_paid(self, order: Order) -> str:
        return badge("Yes", "warning") if order.payment_open else "No"

    @column("Paid at the door")
    def at_the_door(self, order: Order) -> str:
        return badge("Yes", "info") if order.pay_on_delivery else "No"

    @column("Customer", ordering="user__email")
    def customer(self, order: Order) -> str:
        return _name(order.user) or order.email or EMPTY

    @column("Customer")
    def customer_link(self, order: Order) -> str:
        return link_to(order.user, _name(order.user))

    @column("Total", ordering="total_amount")
    def total(self, order: Order) -> str:
        return money(order.total_amount, order.currency)

    @column("Units", ordering="units")
    def units(self, order: Order) -> int:
        units: int = order.units  # type: ignore[attr-defined]
        return units

    @column("Payment", ordering="payment__status")
    def payment_state(self, order: Order) -> str:
        payment = getattr(order, "payment", None)
        if payment is None:
            return EMPTY
        if payment.needs_refund:
            return badge("Needs a refund", "danger")
        return badge(payment.get_status_display(), PAYMENT_LOOKS.get(payment.status, ""))

    @column("Address")
    def address(self, order: Order) -> str:
        # Nairobi is town, county and sub-county at once: it stands there once.
        lines = dict.fromkeys(str(order.shipping_address.get(line) or "") for line in ADDRESS_LINES)
        return format_html_join(SafeString("<br>"), "{}", ([line] for line in lines if line)) or EMPTY

    @column("Subtotal")
    def subtotal_text(self, order: Order) -> str:
        return money(order.subtotal, order.currency)

    @column("Discount")
    def discount_text(self, order: Order) -> str:
        return money(order.discount, order.currency)

    @column("Shipping")
    def shipping_text(self, order: Order) -> str:
        return money(order.shipping, order.currency)

    @column("VAT within")
    def tax_text(self, order: Order) -> str:
        return money(order.tax, order.currency)


def _name(user: User | None) -> str:
    return (user.get_full_name() or str(user)) if user else ""


# Last, since they add to the pages above.
from orders import cart_admin  # noqa: E402,F401 - registers itself
from orders.documents.admin import documents_table  # noqa: E402
from orders.history import admin as history_admin  # noqa: E402,F401
from orders.promotions import admin as promotions_admin  # noqa: E402,F401
from orders.returns import admin as returns_admin  # noqa: E402,F401

OrderAdmin.more_tables.append(documents_table)
