"""Bulk actions on the list of orders in the admin: they ask first, and tell what became of each order."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts.models import User
from ecommerce.admin_base import NoteForm, ReadOnlyAdmin
from orders.bulk.services import MOST, Action, run_bulk
from orders.models import Order

_TOLD = 20  # refusals that are told one by one
_QUESTIONS = {
    Action.SHIP: "All that is left of {count} orders leaves the shelf now, each in one parcel.",
    Action.DELIVER: "The customers of {count} orders have their goods.",
    Action.CANCEL: (
        "{count} orders end here, their goods go back on sale, and what was paid goes back. This cannot be undone."
    ),
}
_DONE = {Action.SHIP: "shipped", Action.DELIVER: "delivered", Action.CANCEL: "cancelled"}


class BulkForm(NoteForm):
    """``key`` makes sure that a form which is sent twice moves no order twice."""

    action = forms.CharField(widget=forms.HiddenInput())
    key = forms.CharField(max_length=64, widget=forms.HiddenInput())
    _selected_action = forms.MultipleChoiceField(widget=forms.MultipleHiddenInput())  # ACTION_CHECKBOX_NAME


class BulkActions(ReadOnlyAdmin):
    """The actions, for the admin of orders."""

    @admin.action(description="Ship", permissions=["act"])
    def ship_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase | None:
        return self._bulk(request, queryset, Action.SHIP)

    @admin.action(description="Delivered", permissions=["act"])
    def deliver_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase | None:
        return self._bulk(request, queryset, Action.DELIVER)

    @admin.action(description="Cancel", permissions=["act"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponseBase | None:
        return self._bulk(request, queryset, Action.CANCEL)

    def _bulk(self, request: HttpRequest, queryset: QuerySet[Order], action: Action) -> HttpResponseBase | None:
        ids = list(queryset.values_list("pk", flat=True)[: MOST + 1])
        if len(ids) > MOST:
            messages.error(request, f"Choose at most {MOST} orders at once.")
            return None
        if "key" not in request.POST:
            return self._ask(request, ids, action)
        note, key = request.POST.get("note", "")[:150], request.POST["key"][:64]
        assert isinstance(request.user, User)  # noqa: S101 - the admin lets nobody else in
        self._run(request, action, run_bulk(ids, action, actor=request.user, note=note, key=key))
        return HttpResponseRedirect(request.get_full_path())

    def _run(self, request: HttpRequest, action: Action, outcomes: Any) -> None:
        refused = []
        done = 0
        for outcome in outcomes:
            done += outcome.is_done
            if not outcome.is_done:
                refused.append(f"{outcome.number}: {' '.join(row.detail for row in outcome.errors)}")
        if done:
            messages.success(request, f"{done} {_DONE[action]}.")
        for text in refused[:_TOLD]:
            messages.error(request, text)
        if len(refused) > _TOLD:
            messages.error(request, f"And {len(refused) - _TOLD} others stayed as they were.")

    def _ask(self, request: HttpRequest, ids: list[Any], action: Action) -> HttpResponseBase:
        initial = {"action": request.POST["action"], "key": uuid4().hex, ACTION_CHECKBOX_NAME: ids}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{action.value.capitalize()} {len(ids)} orders",
            "question": _QUESTIONS[action].format(count=len(ids)),
            "button": action.value.capitalize(),
            "danger": action == Action.CANCEL,
            "form": BulkForm(initial=initial),
            "back": request.get_full_path(),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)
