"""Forms of the admin about second factors: the log-in in two steps, and setting one up."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import APIException
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User
from accounts.second_factor import challenges
from accounts.second_factor.exceptions import InvalidChallenge
from accounts.second_factor.models import SecondFactor
from accounts.second_factor.proof import Proof, with_proof
from ecommerce.admin_base import refusal_text


def code_field(**kwargs: Any) -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "autocapitalize": "off", "spellcheck": "false", "autofocus": ""}
    return forms.CharField(
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs=attrs),
        help_text="Six digits of your authenticator app, or a recovery code.",
        **kwargs,
    )


class LogInForm(AuthenticationForm):  # type: ignore[misc]
    """Name and password; of somebody with a second factor then the code, and only after it comes a session.

    ``waiting`` is the challenge of the second step, which the page hands back.
    """

    user_cache: User | None

    code = code_field(required=False)
    challenge = forms.CharField(max_length=200, required=False, widget=forms.HiddenInput())

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.waiting = ""
        if self.data.get("challenge"):
            self.fields["username"].required = self.fields["password"].required = False

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if challenge := data.get("challenge"):
            self._finish(challenge, data.get("code", ""))
            return data
        try:
            data = super().clean()
        except forms.ValidationError:
            record(SecurityEvent.Kind.LOGIN_FAILED, request=self.request, by="admin")
            raise
        user = self.get_user()
        if user is None:
            return data
        if user.second_factor_at is not None:
            self.user_cache = None
            self.waiting = challenges.start(user, by="admin").token
            raise forms.ValidationError("Now the code of your authenticator app.", code="code_required")
        record(SecurityEvent.Kind.LOGIN, user=user, request=self.request, by="admin")
        return data

    def _finish(self, token: str, code: str) -> None:
        try:
            waiting = challenges.find(token)
        except InvalidChallenge as error:
            raise forms.ValidationError(str(error.detail), code="invalid_challenge") from None
        self.waiting = token
        if not code:
            raise forms.ValidationError("Enter the code of your authenticator app.", code="required")
        user = waiting.user
        self.confirm_login_allowed(user)

        def come_in(_: SecondFactor, proof: Proof) -> User:
            challenges.use(waiting)
            record(SecurityEvent.Kind.LOGIN, user=user, request=self.request, by="admin", second_factor=str(proof))
            return user

        try:
            with_proof(user, come_in, request=self.request, code=code)
        except APIException as error:
            raise forms.ValidationError(refusal_text(error), code="invalid_code") from None
        user.backend = settings.AUTHENTICATION_BACKENDS[0]  # as authenticate() would have said
        self.user_cache = user


class PasswordForm(forms.Form):
    password = forms.CharField(
        max_length=4096,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
        label="Your password",
    )


class CodeForm(forms.Form):
    code = code_field()
