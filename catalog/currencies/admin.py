"""Exchange rates, as shop staff keep them: looked at and added, never changed."""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget

from catalog.currencies import rates
from catalog.models import ExchangeRate
from ecommerce.admin_base import ReadOnlyAdmin, badge, column, may
from ecommerce.currencies import ISO_4217, find_currency


def priced_currencies() -> list[tuple[str, str]]:
    others = [(code, f"{code} – {known.name}") for code, known in ISO_4217.items() if code != settings.BASE_CURRENCY]
    return [("", "Choose one"), *others]


class RateForm(forms.ModelForm):  # type: ignore[type-arg]
    currency = forms.ChoiceField(choices=priced_currencies, widget=UnfoldAdminSelectWidget())
    rate = forms.DecimalField(
        max_digits=20,
        decimal_places=rates.RATE_PLACES,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text=f"How many {settings.BASE_CURRENCY} one unit costs: 129.50 for a dollar, not 0.0077.",
    )
    valid_from = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="Empty: from now on."
    )

    class Meta:
        model = ExchangeRate
        fields = ("currency", "rate", "valid_from", "source")
        help_texts = {"source": "Whose rate it is, such as “Central Bank of Kenya, mean”."}

    def clean_rate(self) -> Decimal:
        rate: Decimal = self.cleaned_data["rate"]
        if rate <= 0:
            raise forms.ValidationError("A rate is more than zero.", code="not_positive")
        return rate


class InForceFilter(admin.SimpleListFilter):
    """The present rates, until somebody asks for others."""

    title = "time"
    parameter_name = "time"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "Whole history"), ("to-come", "To come")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield choice | {"display": "In force"} if choice["display"] == "All" else choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[ExchangeRate]) -> QuerySet[ExchangeRate]:
        if self.value() == "all":
            return queryset
        if self.value() == "to-come":
            return queryset.filter(valid_from__gt=timezone.now())
        return queryset.filter(Q(in_force=True))


class ExchangeRateAdmin(ReadOnlyAdmin):
    """One row for each rate that was ever set. A wrong one is put right by adding a newer one."""

    form = RateForm
    list_display = ("currency_name", "worth", "valid_from", "state", "source", "created_by")
    list_filter = (InForceFilter, "currency")
    list_select_related = ("created_by",)
    ordering = ("currency", "-valid_from")
    add_fields = ("currency", "rate", "valid_from", "source")
    fields = (("currency_name", "worth"), ("valid_from", "state"), ("source", "created_by", "created_at"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "add", ExchangeRate)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ExchangeRate]:
        present = [row.pk for row in rates.rate_table().rows.values()]
        in_force = ExpressionWrapper(Q(pk__in=present), output_field=BooleanField())
        found: QuerySet[ExchangeRate] = super().get_queryset(request).annotate(in_force=in_force)
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.add_fields

    def save_model(self, request: HttpRequest, obj: ExchangeRate, form: Any, change: bool) -> None:
        made = rates.set_rate(**form.cleaned_data, actor=request.user)  # type: ignore[arg-type]
        obj.pk, obj.base = made.pk, made.base  # for the log and the message

    @column("Currency", ordering="currency")
    def currency_name(self, rate: ExchangeRate) -> str:
        return f"{rate.currency} – {find_currency(rate.currency).name}"

    @column("Rate", ordering="rate")
    def worth(self, rate: ExchangeRate) -> str:
        return str(rate)

    @column("State")
    def state(self, rate: ExchangeRate) -> str:
        age = timezone.now() - rate.valid_from
        if rate.in_force:  # type: ignore[attr-defined]
            stale = age > settings.MAX_RATE_AGE
            return badge("Too old to charge by", "warning") if stale else badge("In force", "success")
        return badge("Past") if age.total_seconds() >= 0 else badge("To come", "info")
