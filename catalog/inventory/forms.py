"""Forms of the admin about warehouses and counts."""

from django import forms
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.forms import MOST_UNITS
from catalog.inventory.models import Warehouse


class WarehouseForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Warehouse
        fields = ("name", "code", "county", "address", "position", "is_active", "is_default")
        help_texts = {
            "code": "Short, for lists and labels: NBO-1. Letters, digits, dashes.",
            "position": "Orders are picked from the lowest first.",
            "is_active": "A closed warehouse is empty, and no goods come into it.",
            "is_default": "Goods that nobody has assigned lie there.",
        }

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"].strip().upper()
        plain = code.replace("-", "")
        if not (plain.isascii() and plain.isalnum()) or code.startswith("-") or code.endswith("-"):
            raise forms.ValidationError("Use letters and digits, with dashes between them: NBO-1.", code="invalid")
        return code


class TransferForm(forms.Form):
    target = forms.ModelChoiceField(
        Warehouse.objects.filter(is_active=True), label="To", widget=UnfoldAdminSelectWidget(), empty_label=None
    )
    units = forms.IntegerField(min_value=1, max_value=MOST_UNITS, widget=UnfoldAdminIntegerFieldWidget())
    reason = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget())


class UploadCountForm(forms.Form):
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(), help_text="The counting sheet with its column “counted” filled in, as CSV."
    )
    counted_at = forms.DateTimeField(
        label="When the shelves were counted",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="Now, if you leave it empty. What was sold or came in since is not taken for a difference.",
    )
