"""Forms of the admin about payments. The services decide; these only read what was typed."""

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from payments import statements
from payments.exceptions import StatementTooLarge
from payments.models import Statement
from payments.providers import provider_names


class AttachForm(forms.Form):
    order_number = forms.CharField(
        max_length=20, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autofocus": True})
    )

    def clean_order_number(self) -> str:
        return "".join(self.cleaned_data["order_number"].split())


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
        help_text="Kept with the money, for whoever looks later.",
    )


class RefundForm(ReasonForm):
    amount = forms.DecimalField(
        required=False,
        max_digits=12,
        decimal_places=2,
        min_value=Decimal("0.01"),
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="In the payment's currency. Leave it empty to give back everything that is left.",
    )

    field_order = ("amount", "reason")


class ReceiptForm(forms.Form):
    receipt_number = forms.CharField(
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocapitalize": "characters"}),
        help_text="Of the transfer that you made: from the M-PESA message or the bank.",
    )

    def clean_receipt_number(self) -> str:
        return "".join(self.cleaned_data["receipt_number"].split()).upper()


class LostReferenceForm(forms.Form):
    """One of two things that the M-PESA portal shows of a payment."""

    checkout_request_id = forms.CharField(
        label="CheckoutRequestID",
        required=False,
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "ws_CO_…", "autofocus": True}),
        help_text="M-PESA is asked about it within seconds, and its answer settles the attempt.",
    )
    receipt_number = forms.CharField(
        label="Or the M-PESA receipt",
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"autocapitalize": "characters"}),
        help_text="It becomes a claim among the received money, until M-PESA confirms it.",
    )

    def clean_receipt_number(self) -> str:
        return "".join(self.cleaned_data["receipt_number"].split()).upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("checkout_request_id")) == bool(data.get("receipt_number")) and not self.errors:
            raise forms.ValidationError("Enter one of the two.", code="one_of_two")
        return data


class StatementForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(
        choices=lambda: [(name, name.replace("_", " ").capitalize()) for name in provider_names()],
        widget=UnfoldAdminSelectWidget(),
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text="The CSV of the provider's portal. Either the whole file is taken, or nothing of it; the same file "
        "again adds nothing.",
    )

    class Meta:
        model = Statement
        fields = ("provider",)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > statements.MAX_FILE:
            raise forms.ValidationError(
                f"The file is too large; at most {statements.MOST}.", code=StatementTooLarge.code
            )
        return file
