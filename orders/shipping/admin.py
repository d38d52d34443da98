"""Zones, methods and pick-up points, as shop staff keep them."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminSelect2Widget

from accounts.history.admin import WithHistory
from ecommerce.admin_base import EMPTY, UnfoldTabularInline, badge, column, may, money
from ecommerce.currencies import ISO_4217
from ecommerce.geography.counties import COUNTIES, KENYA, find_county, find_sub_county
from ecommerce.geography.countries import COUNTRIES
from ecommerce.phone import InvalidPhoneNumber, normalise_phone
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand
from orders.shipping.rates import Band, faults_of

if TYPE_CHECKING:

    class BandFormSetBase(forms.BaseInlineFormSet[Any, Any, Any]): ...

else:
    BandFormSetBase = forms.BaseInlineFormSet

_COUNTIES = [(county.name, county.name) for county in COUNTIES]
_SUB_COUNTIES = [(county.name, [(name, name) for name in county.sub_counties]) for county in COUNTIES]


class ZoneForm(forms.ModelForm):  # type: ignore[type-arg]
    counties = forms.MultipleChoiceField(choices=_COUNTIES, required=False, widget=UnfoldAdminSelect2MultipleWidget())
    sub_counties = forms.MultipleChoiceField(
        choices=_SUB_COUNTIES,
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget(),
        help_text="Neither counties nor sub-counties: the whole country.",
    )

    class Meta:
        model = ShippingZone
        fields = ("name", "country", "counties", "sub_counties", "priority", "is_active")
        help_texts = {
            "country": "ISO 3166-1, such as KE. Empty: everywhere.",
            "priority": "A sub-county goes before a county, and that before a country; of equals the highest wins.",
        }

    def clean_country(self) -> str:
        code: str = self.cleaned_data["country"].upper()
        if code and code not in COUNTRIES:
            raise forms.ValidationError("There is no such country.", code="unknown_country")
        return code

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("country", KENYA) != KENYA and (data.get("counties") or data.get("sub_counties")):
            self.add_error("country", "Only a zone in Kenya (KE) has counties.")
        return data


@admin.register(ShippingZone)
class ShippingZoneAdmin(WithHistory):
    """Where the shop delivers; the most specific zone in use serves a place."""

    form = ZoneForm
    list_display = ("name", "state", "where", "method_count", "priority")
    list_filter = ("is_active", "country")
    search_fields = ("name",)
    ordering = ("-priority", "name")
    fields = (("name", "country"), "counties", "sub_counties", ("priority", "is_active"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShippingZone]:
        zones: QuerySet[ShippingZone] = super().get_queryset(request).annotate(method_count=Count("methods"))
        return zones

    @column("Where")
    def where(self, zone: ShippingZone) -> str:
        places = [*zone.counties, *zone.sub_counties]
        more = f" and {len(places) - 6} more" if len(places) > 6 else ""
        return ", ".join(places[:6]) + more or zone.country or "Everywhere"

    @column("Methods")
    def method_count(self, zone: ShippingZone) -> int:
        count: int = zone.method_count  # type: ignore[attr-defined]
        return count

    @column("State")
    def state(self, zone: ShippingZone) -> str:
        return _in_use(zone.is_active)


class BandFormSet(BandFormSetBase):
    def clean(self) -> None:
        super().clean()
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and not self._should_delete_form(form)]
        bands = [Band(row["up_to_grams"], row["price"]) for row in rows if "price" in row and "up_to_grams" in row]
        if faults := faults_of(bands):
            raise forms.ValidationError([fault.detail for fault in faults])

    if TYPE_CHECKING:

        def _should_delete_form(self, form: Any) -> bool: ...


class BandInline(UnfoldTabularInline):
    """The prices of a method, under the method's own permissions."""

    model = WeightBand
    formset = BandFormSet
    extra = 0
    fields = ("up_to_grams", "price")
    verbose_name_plural = "weight bands"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", ShippingMethod) or may(request, "change", ShippingMethod)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", ShippingMethod) or (obj is None and may(request, "add", ShippingMethod))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", ShippingMethod)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", ShippingMethod)


class MethodForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ShippingMethod
        fields = (
            "zone",
            "name",
            "kind",
            "currency",
            "days_min",
            "days_max",
            "price_per_further_kg",
            "free_from",
            "max_weight_grams",
            "pay_at_door_limit",
            "tax_kind",
            "position",
            "is_active",
        )
        help_texts = {
            "days_min": "0: the same day.",
            "price_per_further_kg": "Above the last weight band. Empty: heavier parcels are not taken.",
            "free_from": "Worth of the goods from which it costs nothing. Empty: never.",
            "pay_at_door_limit": "Up to which total one may pay at the door. Empty: whatever it is; 0: not at all.",
        }

    def clean_currency(self) -> str:
        code: str = self.cleaned_data["currency"]
        if code not in ISO_4217:
            raise forms.ValidationError("Give an ISO 4217 code, such as KES.", code="invalid")
        return code

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("days_min") is not None and (data.get("days_max") or 0) < data["days_min"]:
            self.add_error("days_max", "The most days are not fewer than the least.")
        return data


@admin.register(ShippingMethod)
class ShippingMethodAdmin(WithHistory):
    """Ways to bring parcels into a zone, and what they cost."""

    form = MethodForm
    list_display = ("name", "zone", "kind", "state", "days", "prices", "free_from", "pay_at_door_limit", "position")
    list_filter = ("is_active", "kind", "zone")
    list_select_related = ("zone",)
    search_fields = ("name", "zone__name")
    ordering = ("zone__name", "position", "name")
    autocomplete_fields = ("zone",)
    inlines = (BandInline,)
    fields = (
        ("zone", "name"),
        ("kind", "currency"),
        ("days_min", "days_max"),
        ("price_per_further_kg", "max_weight_grams"),
        ("free_from", "pay_at_door_limit"),
        ("tax_kind", "position", "is_active"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShippingMethod]:
        methods: QuerySet[ShippingMethod] = super().get_queryset(request).prefetch_related("bands")
        return methods

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind",) if obj else ()

    @column("Days")
    def days(self, method: ShippingMethod) -> str:
        return f"{method.days_min}-{method.days_max}" if method.days_min != method.days_max else f"{method.days_max}"

    @column("Prices")
    def prices(self, method: ShippingMethod) -> str:
        bands = [band.price for band in method.bands.all()]
        if not bands:
            return badge("Carries nothing", "warning")
        least, most = (money(price, method.currency) for price in (bands[0], bands[-1]))
        return least if least == most else f"{least} to {most}"

    @column("State")
    def state(self, method: ShippingMethod) -> str:
        return _in_use(method.is_active and method.zone.is_active)


class MethodsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.zone}: {obj}"


class PointForm(forms.ModelForm):  # type: ignore[type-arg]
    county = forms.ChoiceField(choices=_COUNTIES, widget=UnfoldAdminSelect2Widget())
    sub_county = forms.ChoiceField(
        choices=[("", EMPTY), *_SUB_COUNTIES], required=False, widget=UnfoldAdminSelect2Widget()
    )
    methods = MethodsField(
        ShippingMethod.objects.filter(kind=ShippingMethod.Kind.PICKUP).select_related("zone"),
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget(),
        help_text="Which methods of pick-up bring parcels here. Without any nobody can choose it.",
    )

    class Meta:
        model = PickupPoint
        fields = (
            "name",
            "county",
            "sub_county",
            "town",
            "landmark",
            "line1",
            "phone_number",
            "opening_hours",
            "latitude",
            "longitude",
            "methods",
            "is_active",
        )

    def clean_phone_number(self) -> str:
        text: str = self.cleaned_data["phone_number"]
        try:
            return normalise_phone(text) if text else ""
        except InvalidPhoneNumber as error:
            raise forms.ValidationError(error.message, code=error.code) from None

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        county, below = find_county(data.get("county", "")), data.get("sub_county")
        if county and below and not find_sub_county(county, below):
            self.add_error("sub_county", f"{below} is no sub-county of {county.name}.")
        if (data.get("latitude") is None) != (data.get("longitude") is None):
            self.add_error("longitude", "Give both the latitude and the longitude, or none.")
        for name, most in (("latitude", 90), ("longitude", 180)):
            if data.get(name) is not None and abs(data[name]) > most:
                self.add_error(name, f"From -{most} to {most}.")
        return data


@admin.register(PickupPoint)
class PickupPointAdmin(WithHistory):
    """Where customers collect."""

    form = PointForm
    list_display = ("name", "state", "town", "county", "phone_number", "opening_hours", "method_count")
    list_filter = ("is_active", "county")
    search_fields = ("name", "town", "landmark")
    ordering = ("county", "town", "name")
    fields = (
        "name",
        ("county", "sub_county"),
        ("town", "line1", "landmark"),
        ("phone_number", "opening_hours"),
        ("latitude", "longitude"),
        "methods",
        "is_active",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PickupPoint]:
        points: QuerySet[PickupPoint] = super().get_queryset(request).annotate(method_count=Count("methods"))
        return points

    @column("Methods")
    def method_count(self, point: PickupPoint) -> int:
        count: int = point.method_count  # type: ignore[attr-defined]
        return count

    @column("State")
    def state(self, point: PickupPoint) -> str:
        return _in_use(point.is_active)


def _in_use(is_active: bool) -> str:
    return badge("In use", "success") if is_active else badge("Off")
