"""Gift cards and store credit in the admin. Codes are shown nowhere: nobody can read them back."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, Table, badge, column, detail_action, link_to, money, table, when
from payments.admin.forms import ReasonForm
from payments.admin.looks import actor_of
from payments.credit import issuing
from payments.credit.models import CreditMovement, GiftCard, StoreCredit

SHOWN = 50


class AdjustForm(ReasonForm):
    amount = forms.DecimalField(
        max_digits=12,
        decimal_places=2,
        min_value=-issuing.LARGEST,
        max_value=issuing.LARGEST,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="What is put on the balance; with a minus it is taken off. The shop bears it.",
    )

    field_order = ("amount", "reason")

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount:
            raise forms.ValidationError("Nothing would change.")
        return amount


class CanBeSpentFilter(admin.SimpleListFilter):
    title = "can be spent"
    parameter_name = "usable"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes"), ("no", "No: empty, off or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[GiftCard]) -> QuerySet[GiftCard]:
        usable = Q(is_active=True, balance__gt=0) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(usable) if self.value() == "yes" else queryset.exclude(usable)


def movements_table(movements: QuerySet[CreditMovement], currency: str) -> list[Table]:
    """Return the newest movements of a balance, in one statement."""
    about = movements.select_related("actor", "received__payment__order", "refund__payment__order")
    rows = [
        (
            when(movement.created_at),
            movement.get_kind_display(),
            money(movement.amount, currency),
            money(movement.balance_after, currency),
            _order_link(movement),
            link_to(movement.actor),
            movement.reason or EMPTY,
        )
        for movement in about.order_by("-created_at", "-pk")[:SHOWN]
    ]
    return [table("Movements", ("Time", "What", "Amount", "Balance", "Order", "By", "Reason"), rows)]


def _order_link(movement: CreditMovement) -> str:
    about = movement.received or movement.refund
    return link_to(about.payment.order) if about is not None and about.payment is not None else EMPTY


@admin.register(GiftCard)
class GiftCardAdmin(ReadOnlyAdmin):
    list_display = ("card", "state", "left", "issued_for", "recipient_email", "expires_at", "created_at")
    list_filter = (CanBeSpentFilter, "is_active", "currency", "created_at")
    search_fields = ("last4__iexact", "recipient_email__iexact")
    search_help_text = "The last four characters of the code, or the recipient's e-mail address in full"
    ordering = ("-created_at", "-id")
    actions_detail = ("adjust", "send_again", "switch_off", "switch_on")
    fields = (
        ("card", "state", "left"),
        ("issued_for", "expires_at", "created_at"),
        ("recipient_email", "mailed_at"),
        "message",
        ("issuer_link", "buyer_link"),
    )

    def offers(self, name: str, obj: GiftCard) -> bool:
        if name == "send_again":
            return bool(obj.recipient_email) and obj.is_active
        if name in ("switch_off", "switch_on"):
            return obj.is_active == (name == "switch_off")
        return True

    def tables(self, request: HttpRequest, obj: GiftCard) -> list[Table]:
        return movements_table(obj.movements.all(), obj.currency)

    @detail_action("Adjust", icon="exposure")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(card: GiftCard, data: dict[str, Any]) -> str:
            moved = issuing.adjust_gift_card(card.pk, actor=actor_of(request), **data)
            return f"{money(moved.amount, card.currency)}: {data['reason']}"

        return self.confirmed(request, object_id, do, title="Adjust", form_class=AdjustForm)

    @detail_action("Mail again", icon="mail")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(card: GiftCard, data: dict[str, Any]) -> str:
            issuing.send_again(card.pk, actor=actor_of(request))
            return f"The code is mailed to {card.recipient_email} again."

        return self.confirmed(request, object_id, do, title="Mail again", question="The recipient gets the code again.")

    @detail_action("Switch off", icon="block", danger=True)
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Nobody can spend it until it is switched on again. What is on it stays."
        return self._switch(request, object_id, to=False, title="Switch off", question=question)

    @detail_action("Switch on", icon="check")
    def switch_on(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Whoever has its code can spend it again."
        return self._switch(request, object_id, to=True, title="Switch on", question=question)

    def _switch(self, request: HttpRequest, object_id: str, *, to: bool, title: str, question: str) -> HttpResponseBase:
        def do(card: GiftCard, data: dict[str, Any]) -> str:
            issuing.change_gift_card(card.pk, actor=actor_of(request), is_active=to)
            return f"Gift card {card} is {'on' if to else 'off'}."

        return self.confirmed(request, object_id, do, title=title, question=question, danger=not to)

    @column("Card", ordering="last4")
    def card(self, card: GiftCard) -> str:
        return str(card)

    @column("State")
    def state(self, card: GiftCard) -> str:
        if not card.is_active:
            return badge("Off", "danger")
        if card.expires_at is not None and card.expires_at <= timezone.now():
            return badge("Expired", "warning")
        return badge("On", "success") if card.balance else badge("Empty")

    @column("Balance", ordering="balance")
    def left(self, card: GiftCard) -> str:
        return money(card.balance, card.currency)

    @column("Issued for", ordering="initial_amount")
    def issued_for(self, card: GiftCard) -> str:
        return money(card.initial_amount, card.currency)

    @column("Issued by")
    def issuer_link(self, card: GiftCard) -> str:
        return link_to(card.issued_by)

    @column("Bought by")
    def buyer_link(self, card: GiftCard) -> str:
        return link_to(card.bought_by)


@admin.register(StoreCredit)
class StoreCreditAdmin(ReadOnlyAdmin):
    list_display = ("customer", "left", "updated_at")
    list_filter = ("currency",)
    list_select_related = ("user",)
    search_fields = ("user__email__iexact", "user__phone_number__iexact")
    search_help_text = "E-mail address or phone number, in full"
    ordering = ("-updated_at", "-id")
    actions_detail = ("adjust",)
    fields = (("customer_link", "left"), ("created_at", "updated_at"))

    def tables(self, request: HttpRequest, obj: StoreCredit) -> list[Table]:
        return movements_table(obj.movements.all(), obj.currency)

    @detail_action("Adjust", icon="exposure")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(held: StoreCredit, data: dict[str, Any]) -> str:
            moved = issuing.adjust_store_credit(held.user, currency=held.currency, actor=actor_of(request), **data)
            return f"{money(moved.amount, held.currency)}: {data['reason']}"

        return self.confirmed(request, object_id, do, title="Adjust", form_class=AdjustForm)

    @column("Customer", ordering="user__email")
    def customer(self, held: StoreCredit) -> str:
        return str(held.user)

    @column("Customer")
    def customer_link(self, held: StoreCredit) -> str:
        return link_to(held.user)

    @column("Balance", ordering="balance")
    def left(self, held: StoreCredit) -> str:
        return money(held.balance, held.currency)
