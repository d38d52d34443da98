"""Forms of the admin about people."""

from typing import Any

from django import forms
from unfold.forms import AdminPasswordChangeForm
from unfold.forms import UserCreationForm as UnfoldUserCreationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.models import User, normalise_email
from accounts.names import check_email
from accounts.tokens import end_all_sessions
from ecommerce.phone import InvalidPhoneNumber, normalise_phone


def phone_field() -> forms.CharField:
    # Longer than the column: people type spaces.
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "tel"})
    return forms.CharField(required=False, max_length=32, label="Phone number", widget=widget)


class NormalFormsMixin:
    """E-mail and phone number are kept in one form, whichever way they are typed."""

    cleaned_data: dict[str, Any]

    def clean_email(self) -> str | None:
        email = normalise_email(self.cleaned_data["email"] or "") or None
        if email is not None:
            check_email(email)
        return email

    def clean_phone_number(self) -> str:
        text = self.cleaned_data["phone_number"]
        try:
            return normalise_phone(text) if text else ""
        except InvalidPhoneNumber as error:
            raise forms.ValidationError(error.message, code=error.code) from None


class UserForm(NormalFormsMixin, forms.ModelForm):  # type: ignore[type-arg]
    phone_number = phone_field()

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "phone_number")


class UserAddForm(NormalFormsMixin, UnfoldUserCreationForm):  # type: ignore[misc]
    usable_password = None  # everybody made here can log in
    phone_number = phone_field()

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "phone_number")

    def clean_email(self) -> str | None:
        email = super().clean_email()
        if email is None:
            raise forms.ValidationError("Give an e-mail address: it is the log-in.", code="required")
        return email


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]
    """A new password ends every session: whoever knew the old one is out."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit=commit)
        if commit:
            end_all_sessions(user)
        return user


class PermissionsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Django's permissions, short enough for a phone: ``order: change``."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.content_type.name}: {obj.codename.split('_')[0]}"
