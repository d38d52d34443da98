"""What the admin of every app is made of.

Rows that services write are shown and not edited (``ReadOnlyAdmin``). What staff may do to them is an action: it asks
once more, calls the same service as the API, and tells a refusal as a message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError, models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from rest_framework.exceptions import APIException
from unfold.decorators import action as unfold_action
from unfold.decorators import display as unfold_display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce.exceptions import DomainError, translate_database_error
from ecommerce.money import format_money
from ecommerce.phone import InvalidPhoneNumber, normalise_phone
from ecommerce.transactions import retry_on_conflict

if TYPE_CHECKING:  # unfold has no types; these are the classes that it extends

    class UnfoldModelAdmin(admin.ModelAdmin[Any]):
        def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]: ...

    class UnfoldStackedInline(admin.StackedInline[Any, Any]): ...

    class UnfoldTabularInline(admin.TabularInline[Any, Any]): ...

else:
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.admin import StackedInline as UnfoldStackedInline  # noqa: F401 - for the apps
    from unfold.admin import TabularInline as UnfoldTabularInline  # noqa: F401

Function = TypeVar("Function", bound=Callable[..., Any])
Rows = Sequence[Sequence[Any]]
Table = dict[str, Any]  # {"title", "table": {"headers", "rows"}}, as unfold's table component takes it


@dataclass(frozen=True)
class Waiting:
    """Rows that wait for somebody, for the admin's front page. ``query`` narrows the list to them."""

    title: str
    icon: str
    rows: QuerySet[Any]
    query: str


# Each app adds what waits there.
WAITING: list[Waiting] = []

EMPTY = "–"


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the confirmation."""


class NoteForm(forms.Form):
    note = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Kept in the timeline: a courier and waybill number, a reason.",
    )


class ShopAdmin(UnfoldModelAdmin):
    """A model's admin with tables below its fields and actions that call services.

    ``refusals`` of a service while a form is saved (a race that the form could not see) become a message too.
    """

    show_full_result_count = False
    list_per_page = 50
    compressed_fields = False  # labels above their fields: long values do not run into each other
    change_form_template = "admin/change_form_with_tables.html"
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """May this person change such rows through actions, even where no form does?"""
        return may(request, "change", self.model)

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        """Return what is shown below the fields of ``obj``."""
        return []

    def offers(self, name: str, obj: Any) -> bool:
        """Tell whether the action ``name`` makes sense for ``obj`` now. The service decides again."""
        return True

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        actions = super().get_actions_detail(request, object_id)
        obj = self.get_object(request, unquote(str(object_id))) if actions else None
        return [action for action in actions if obj and self.offers(action.method.original_function_name, obj)]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        shown = kwargs.get("obj")
        context["tables"] = self.tables(request, shown) if shown else []
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().changeform_view
        return self._or_message(request, lambda: view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view = super().delete_view
        return self._or_message(request, lambda: view(request, *args, **kwargs))

    def save_changed(self, obj: models.Model, form: forms.BaseForm, *more: str) -> None:
        """Save only what the form changed: the rest of the row may be newer in the database."""
        columns = {field.name for field in obj._meta.concrete_fields}
        changed = [name for name in (*form.changed_data, *more) if name in columns]
        if changed:
            obj.save(update_fields=[*changed, "updated_at"])

    def confirmed(
        self,
        request: HttpRequest,
        object_id: str,
        do: Callable[[Any, dict[str, Any]], str],
        *,
        title: str,
        question: str = "",
        button: str = "",
        danger: bool = False,
        form_class: type[forms.Form] = ConfirmForm,
        initial: dict[str, Any] | None = None,
        network: bool = False,
        permission: str = "act",
        preview: bool = False,
    ) -> HttpResponseBase:
        """Ask first (GET), then do it (POST), say ``do``'s answer and note who did it.

        ``initial`` fills in the form. ``permission`` is that of the action. With ``network`` it runs once: only a
        database transaction may be repeated. With ``preview`` it can be done on trial: what it would say is told, and
        nothing stays.
        """
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not getattr(self, f"has_{permission}_permission")(request, obj):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])
        sent = request.method == "POST"
        form = form_class(request.POST if sent else None, request.FILES if sent else None, initial=initial)
        if form.is_valid() and preview and "_preview" in request.POST:
            told = run_service(request, lambda: _undone(lambda: do(obj, form.cleaned_data)))
            if told is not None:
                messages.info(request, f"Preview, nothing is saved: {told}")
        elif form.is_valid():
            answer = run_service(request, lambda: do(obj, form.cleaned_data), network=network)
            if answer is not None:
                self.log_change(request, obj, answer)
                messages.success(request, answer)
            if answer is not None or not any(field.required for field in form.fields.values()):
                return HttpResponseRedirect(back)
            # Refused: what had to be typed stays, to be put right.
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "subtitle": str(obj),
            "question": question,
            "button": button or title,
            "danger": danger,
            "preview": preview,
            "form": form,
            "back": back,
            "original": obj,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)

    def _or_message(self, request: HttpRequest, view: Callable[[], Any]) -> Any:
        try:
            return view()
        except (APIException, DatabaseError, InterfaceError) as error:
            refusal = _as_refusal(error)
            if request.method != "POST" or refusal is None:
                raise
            messages.error(request, refusal_text(refusal))
            return HttpResponseRedirect(request.get_full_path())

    if TYPE_CHECKING:

        def _get_obj_does_not_exist_redirect(
            self, request: HttpRequest, opts: Any, object_id: str
        ) -> HttpResponseRedirect: ...


class ReadOnlyAdmin(ShopAdmin):
    """Rows that services make: shown, never added, edited or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def run_service(request: HttpRequest, operation: Callable[[], str], *, network: bool = False) -> str | None:
    """Run a service; return what to say, or None when it refused and the refusal has become a message."""
    try:
        return operation() if network else retry_on_conflict(operation)
    except (APIException, DatabaseError, InterfaceError) as error:
        refusal = _as_refusal(error)
        if refusal is None:
            raise
        messages.error(request, refusal_text(refusal))
        return None


def _undone(operation: Callable[[], str]) -> str:
    with transaction.atomic():
        told = operation()
        transaction.set_rollback(True)
    return told


def refusal_text(error: APIException) -> str:
    rows = error.rows if isinstance(error, DomainError) else []
    return " ".join(row.detail for row in rows) or str(error.detail)


def _as_refusal(error: Exception) -> APIException | None:
    if isinstance(error, APIException):
        return error
    return translate_database_error(error) if isinstance(error, DatabaseError | InterfaceError) else None


def add_waiting(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Put on the admin's front page how much waits for this person. Unfold's ``DASHBOARD_CALLBACK``."""
    cards = []
    for item in WAITING:
        model = item.rows.model
        if may(request, "view", model) or may(request, "change", model):
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
            url = f"{reverse(name)}?{item.query}"
            cards.append({"title": item.title, "icon": item.icon, "count": item.rows.all().count(), "url": url})
    return context | {"waiting": cards}


# --- Words of a class body ------------------------------------------------------------------------------------


def column(description: str, *, ordering: Any = None, **looks: Any) -> Callable[[Function], Function]:
    """Describe a computed column or field; ``looks`` are unfold's (``header``, ``boolean``, ``image``)."""
    decorator: Callable[[Function], Function] = unfold_display(description=description, ordering=ordering, **looks)
    return decorator


def detail_action(
    description: str, *, icon: str, danger: bool = False, permission: str = "act"
) -> Callable[[Function], Function]:
    """Declare a button of one row's page, for those with ``has_<permission>_permission``."""
    variant = ActionVariant.DANGER if danger else ActionVariant.PRIMARY
    decorator: Callable[[Function], Function] = unfold_action(
        description=description, permissions=[permission], icon=icon, variant=variant
    )
    return decorator


# --- Pieces of a page -----------------------------------------------------------------------------------------


def table(title: str, headers: Sequence[str], rows: Rows) -> Table:
    return {"title": title, "table": {"headers": list(headers), "rows": [list(row) for row in rows]}}


def badge(text: str, look: str = "") -> SafeString:
    """Return a coloured label; ``look`` is ``success``, ``info``, ``warning``, ``danger`` or nothing (grey)."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": look})


def may(request: HttpRequest, what: str, model: type[models.Model]) -> bool:
    """Tell whether this person has Django's permission ``what`` (view, add, change, delete) for ``model``."""
    meta = model._meta
    return request.user.has_perm(f"{meta.app_label}.{what}_{meta.model_name}")


def preformatted(text: str) -> str:
    """Return text with its lines kept, broken where a small screen ends."""
    return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)


def link_to(obj: models.Model | None, text: str = "") -> str:
    """Return a link to the page of ``obj``, which says itself who may open it."""
    if obj is None:
        return EMPTY
    url = reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', url, text or str(obj))


def money(amount: Decimal | None, currency: str) -> str:
    return EMPTY if amount is None else format_money(amount, currency).replace(" ", "\N{NO-BREAK SPACE}")


def when(moment: Any) -> str:
    """Return a time on the staff's clock, short enough for a table."""
    return date_format(timezone.localtime(moment), "j M Y, H:i") if moment else EMPTY


def as_phone(text: str) -> str:
    """Return ``text`` in E.164 if it is a phone number in any usual spelling, else nothing."""
    try:
        return normalise_phone(text)
    except InvalidPhoneNumber:
        return ""
