"""The page of the admin on which staff set up, renew and remove their own second factor."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import APIException

from accounts.models import User
from accounts.second_factor import services
from accounts.second_factor.admin_forms import CodeForm, PasswordForm
from accounts.second_factor.gate import lacks_factor
from ecommerce.admin_base import refusal_text


@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show the page, or do what one of its buttons says. Secrets and codes are on the answer to a POST alone."""
    user = request.user
    if not isinstance(user, User):  # admin_view lets nobody else through
        return HttpResponseRedirect(reverse("admin:login"))
    actions: dict[str, Callable[[HttpRequest, User], HttpResponse]] = {
        "begin": _begin,
        "confirm": _confirm,
        "renew": _renew,
        "remove": _remove,
    }
    action = actions.get(request.POST.get("action", "")) if request.method == "POST" else None
    return action(request, user) if action else _page(request, user)


def _begin(request: HttpRequest, user: User) -> HttpResponse:
    form = PasswordForm(request.POST)
    beginning = _tried(
        form, lambda: services.begin(user, request=request, is_fresh=False, password=form.cleaned_data["password"])
    )
    if beginning is None:
        return _page(request, user, password_form=form)
    # The picture is made of numbers alone.
    return _page(request, user, beginning=beginning, qr_svg=mark_safe(beginning.qr_svg))  # noqa: S308


def _confirm(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST)
    codes = _tried(form, lambda: services.confirm(user, request=request, code=form.cleaned_data["code"]))
    user.refresh_from_db(fields=["second_factor_at"])
    return _page(request, user, code_form=form, begun=codes is None, recovery_codes=codes)


def _renew(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST)
    codes = _tried(form, lambda: services.renew_codes(user, request=request, code=form.cleaned_data["code"]))
    return _page(request, user, code_form=form, recovery_codes=codes)


def _remove(request: HttpRequest, user: User) -> HttpResponse:
    form = CodeForm(request.POST)

    def remove() -> bool:
        services.remove(user, request=request, code=form.cleaned_data["code"])
        return True

    if not _tried(form, remove):
        return _page(request, user, code_form=form)
    messages.success(request, "Your log-in no longer asks for a code.")
    return HttpResponseRedirect(request.path)


def _tried(form: forms.Form, service: Callable[[], Any]) -> Any:
    """Return what the service returns; None when the form or the service refuses, which the form then says."""
    if not form.is_valid():
        return None
    try:
        return service()
    except APIException as error:
        form.add_error(None, refusal_text(error))
        return None


def _page(request: HttpRequest, user: User, **shown: Any) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "enabled_at": user.second_factor_at,
        "codes_left": services.codes_left(user),
        "must_set_up": lacks_factor(user),
        "password_form": PasswordForm(),
        "code_form": CodeForm(),
        **shown,
    }
    if shown.get("recovery_codes"):
        context["code_form"] = CodeForm()  # the code that was typed is spent
    request.current_app = admin.site.name
    return TemplateResponse(request, "admin/second_factor.html", context)
