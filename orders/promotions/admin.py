"""Promotions and coupons, as shop staff keep them."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts.history.admin import WithHistory
from catalog.exchange.views import download
from ecommerce.admin_base import EMPTY, Table, badge, column, detail_action, link_to, may, money, table
from orders.admin import OrderAdmin
from orders.models import Order
from orders.promotions import selectors, services
from orders.promotions.exceptions import PromotionInvalid
from orders.promotions.exporting import as_csv
from orders.promotions.models import NUMBER_FIELDS, Coupon, Promotion

LATEST = 20  # orders that a promotion's page shows
_HELP = {
    "valid_from": "Empty: since ever.",
    "valid_until": "Empty: for ever.",
    "limit_total": "Orders that may have it. Empty: any number.",
    "limit_per_customer": "Orders of one customer that may have it. Empty: any number.",
}


_SETTLED = ("kind", *NUMBER_FIELDS, "minimum_amount", "currency")


class PromotionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Promotion
        fields = (
            *("name", "description", "kind", *NUMBER_FIELDS, "currency", "minimum_amount", "minimum_quantity"),
            *(*services.GOODS, "groups", "valid_from", "valid_until", "is_active", "is_automatic", "combines"),
            *("priority", "limit_total", "limit_per_customer"),
        )
        help_texts = _HELP | {
            "description": "For customers.",
            "percent": "Percent: of the goods. Buy get: how much less the given units cost (100).",
            "amount": "Amount: off the goods together. Free shipping: at most; empty for all of it.",
            "currency": "Of the amounts; empty for the shop's.",
            "is_automatic": "It needs no code.",
            "combines": "With others that do; else it is taken alone, if that is more.",
            "priority": "The highest is taken off first.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        promotion = Promotion(**{name: data[name] for name in _SETTLED})
        try:
            services.settle_numbers(promotion, {name for name in NUMBER_FIELDS if data[name] is not None})
        except PromotionInvalid as refusal:
            for row in refusal.rows:
                self.add_error(row.attr, row.detail)
        return data | {name: getattr(promotion, name) for name in _SETTLED}


class CouponForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Coupon
        fields = ("promotion", "code", "valid_from", "valid_until", "is_active", "limit_total", "limit_per_customer")
        help_texts = _HELP

    def clean_code(self) -> str:
        try:
            return services.checked_code(self.cleaned_data["code"])
        except PromotionInvalid as refusal:
            raise forms.ValidationError(refusal.rows[0].detail, code="invalid_code") from None


class GenerateForm(forms.Form):
    count = forms.IntegerField(
        min_value=1, max_value=services.MAX_CODES, initial=100, widget=UnfoldAdminIntegerFieldWidget()
    )
    begins_with = forms.CharField(max_length=20, required=False, widget=UnfoldAdminTextInputWidget())
    limit_total = forms.IntegerField(
        min_value=1,
        required=False,
        initial=1,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Orders that each may have. Empty: any number.",
    )


@admin.register(Promotion)
class PromotionAdmin(WithHistory):
    """What is taken off, of which goods, for whom and when; with how often it is used and what it has cost."""

    form = PromotionForm
    list_display = ("name", "effect", "by_code", "state", "used", "taken_off", "valid_until", "priority")
    list_filter = ("is_active", "is_automatic", "kind", "combines")
    search_fields = ("name", "description", "coupons__code")
    ordering = ("-priority", "name")
    autocomplete_fields = (*services.GOODS, "groups")
    actions_detail = ("generate", "download_codes")
    fieldsets = (
        (None, {"fields": ("name", "description", ("is_active", "is_automatic"))}),
        (
            "What it takes off",
            {
                "fields": (
                    ("kind", "percent", "amount", "currency"),
                    ("buy_quantity", "get_quantity", "most_times"),
                    ("combines", "priority"),
                )
            },
        ),
        (
            "For which goods and whom",
            {"fields": (("categories", "brands"), ("collections", "products"), "groups")},
        ),
        (
            "When and how often",
            {
                "fields": (
                    ("minimum_amount", "minimum_quantity"),
                    ("valid_from", "valid_until"),
                    ("limit_total", "limit_per_customer"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Promotion]:
        return selectors.promotions().prefetch_related(None)

    def save_model(self, request: HttpRequest, obj: Promotion, form: Any, change: bool) -> None:
        changed = {*form.changed_data, *_SETTLED} if change else set(form.cleaned_data)
        fields = {name: value for name, value in form.cleaned_data.items() if name in changed}
        obj.pk = services.save_promotion(obj if change else None, **fields).pk  # with its lists

    def delete_model(self, request: HttpRequest, obj: Promotion) -> None:
        services.delete_promotion(obj.pk)

    def offers(self, name: str, obj: Promotion) -> bool:
        return not obj.is_automatic

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "add", Coupon)

    def has_codes_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", Coupon)

    @detail_action("Make codes", icon="confirmation_number")
    def generate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(promotion: Promotion, data: dict[str, Any]) -> str:
            made = services.generate_coupons(promotion.pk, prefix=data.pop("begins_with"), **data)
            return f"{len(made)} codes made."

        question = "Random codes that nobody can guess, each a coupon of this promotion."
        return self.confirmed(request, object_id, do, title="Make codes", question=question, form_class=GenerateForm)

    @detail_action("Codes as CSV", icon="download", permission="codes")
    def download_codes(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        promotion = self.get_object(request, object_id)
        if promotion is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        coupons = selectors.coupons().filter(promotion=promotion)
        return download(as_csv(coupons), name=f"coupons-{promotion.pk}.csv", content_type="text/csv")

    def tables(self, request: HttpRequest, obj: Promotion) -> list[Table]:
        coupons = [
            (link_to(one), _state(one), _of_limit(one.live_uses, one.limit_total))  # type: ignore[attr-defined]
            for one in selectors.coupons().filter(promotion=obj).order_by(F("live_uses").desc(), "code")[:LATEST]
        ]
        latest = obj.redemptions.select_related("order", "coupon").order_by("-created_at", "-id")[:LATEST]
        orders = [
            (
                link_to(one.order),
                one.coupon.code if one.coupon else EMPTY,
                money(one.amount, one.order.currency),
                badge("Given back") if one.released_at else badge("In use", "success"),
            )
            for one in latest
        ]
        return [
            *([table("Most used codes", ("Code", "State", "Uses"), coupons)] if coupons else []),
            table("Latest orders", ("Order", "Code", "Taken off", ""), orders),
            *super().tables(request, obj),
        ]

    @column("Takes off")
    def effect(self, promotion: Promotion) -> str:
        percent = f"{promotion.percent:g} %" if promotion.percent else ""
        amount = money(promotion.amount, promotion.currency)
        match Promotion.Kind(promotion.kind):
            case Promotion.Kind.PERCENT:
                return percent
            case Promotion.Kind.AMOUNT:
                return amount
            case Promotion.Kind.BUY_GET:
                return f"Buy {promotion.buy_quantity}, get {promotion.get_quantity} for {percent} less"
            case Promotion.Kind.FREE_SHIPPING:
                return "Shipping" if promotion.amount is None else f"Shipping, at most {amount}"

    @column("By code")
    def by_code(self, promotion: Promotion) -> str:
        count: int = promotion.coupon_count  # type: ignore[attr-defined]
        return "By itself" if promotion.is_automatic else f"{count} codes"

    @column("State")
    def state(self, promotion: Promotion) -> str:
        return _state(promotion)

    @column("Uses", ordering="live_uses")
    def used(self, promotion: Promotion) -> str:
        return _of_limit(promotion.live_uses, promotion.limit_total)  # type: ignore[attr-defined]

    @column("Taken off", ordering="discount_total")
    def taken_off(self, promotion: Promotion) -> str:
        return money(promotion.discount_total, settings.DEFAULT_CURRENCY)  # type: ignore[attr-defined]


@admin.register(Coupon)
class CouponAdmin(WithHistory):
    """Codes, each of one promotion. Many at once are made on the promotion's page."""

    form = CouponForm
    list_display = ("code", "promotion", "state", "used", "valid_until")
    list_filter = ("is_active", "promotion")
    list_select_related = ("promotion",)
    search_fields = ("code", "promotion__name")
    ordering = ("code",)
    autocomplete_fields = ("promotion",)
    fields = ("promotion", "code", ("valid_from", "valid_until"), ("limit_total", "limit_per_customer"), "is_active")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Coupon]:
        return selectors.coupons()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("promotion",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Coupon, form: Any, change: bool) -> None:
        fields = {name: value for name, value in form.cleaned_data.items() if not change or name in form.changed_data}
        obj.pk = services.save_coupon(obj if change else None, **fields).pk

    def delete_model(self, request: HttpRequest, obj: Coupon) -> None:
        services.delete_coupon(obj.pk)

    @column("State")
    def state(self, coupon: Coupon) -> str:
        return _state(coupon)

    @column("Uses", ordering="live_uses")
    def used(self, coupon: Coupon) -> str:
        return _of_limit(coupon.live_uses, coupon.limit_total)  # type: ignore[attr-defined]


def promotions_of_order(request: HttpRequest, order: Order) -> list[Table]:
    rows = [
        (
            link_to(one.promotion),
            one.coupon.code if one.coupon else EMPTY,
            money(one.amount, order.currency),
            badge("Given back") if one.released_at else EMPTY,
        )
        for one in order.redemptions.select_related("promotion", "coupon")
    ]
    return [table("Promotions", ("Promotion", "Code", "Taken off", ""), rows)] if rows else []


OrderAdmin.more_tables.append(promotions_of_order)


def _state(row: Promotion | Coupon) -> str:
    now = timezone.now()
    if not row.is_active:
        return badge("Off")
    if row.valid_until is not None and row.valid_until <= now:
        return badge("Past")
    if row.valid_from is not None and row.valid_from > now:
        return badge("To come", "info")
    uses: int = row.live_uses  # type: ignore[union-attr]
    if row.limit_total is not None and uses >= row.limit_total:
        return badge("Used up", "warning")
    return badge("In force", "success")


def _of_limit(uses: int, limit: int | None) -> str:
    return str(uses) if limit is None else f"{uses} of {limit}"
