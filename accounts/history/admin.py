"""History in the admin: on the page of what was changed, and as lists of everything. Nobody can write it."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from pghistory.models import Event

from accounts.history import selectors
from accounts.history.events import KINDS, Kind
from accounts.models import User
from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, ShopAdmin, Table, column, table, when

SHOWN = 20  # changes on a page
_LONGEST = 80  # characters of a value in a table


def shortened(value: Any) -> str:
    if value is None or value == "":
        return EMPTY
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def in_words(changes: dict[str, dict[str, Any]]) -> str:
    """Return what was changed: ``price: 2499.00 → 2299.00``."""
    parts = []
    for name, change in changes.items():
        moved = (
            f"{change['by']:+d}" if "by" in change else f"{shortened(change['before'])} → {shortened(change['after'])}"
        )
        parts.append(f"{name}: {moved}")
    return "; ".join(parts)


class WithHistory(ShopAdmin):
    """Shows below a row what was changed of it, to those who may read history."""

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        tables = super().tables(request, obj)
        if not (isinstance(request.user, User) and selectors.may_read_history(request.user, type(obj))):
            return tables
        rows = [
            (
                when(change.at),
                f"{change.kind} {change.name}",
                change.action,
                " ".join(part for part in (in_words(change.changes), change.note) if part),
                str(change.actor or change.actor_id or EMPTY),
                change.via or EMPTY,
            )
            for change in selectors.read_changes(list(selectors.changes_of(type(obj), obj.pk)[:SHOWN]))
        ]
        headers = ("Time", "What", "Happened", "Before → after", "Who", "By way of")
        return [*tables, table(f"The last {SHOWN} changes", headers, rows)]


class EventAdmin(ReadOnlyAdmin):
    """Every change of one kind of thing, newest first."""

    list_display = ("pgh_created_at", "named", "pgh_label", "who", "via", "request_id")
    list_filter = ("pgh_label", "pgh_created_at")
    search_fields = ("pgh_context__request_id", "pgh_context__actor")
    search_help_text = "The whole id of what was changed, of who changed it, or of the request"
    ordering = ("-pgh_id",)
    fields = (("pgh_created_at", "pgh_label"), "named", ("who", "via", "request_id"))

    def tables(self, request: HttpRequest, obj: Event) -> list[Table]:
        changes = selectors.before_and_after(self.kind, [obj])[obj.pk]
        rows = [(name, shortened(change["before"]), shortened(change["after"])) for name, change in changes.items()]
        return [table("Before and after", ("Field", "Before", "After"), rows)]

    @property
    def kind(self) -> Kind:
        return next(kind for kind in KINDS.values() if kind.model is self.model)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        tracked = self.kind.tracked._meta.pk
        own = f"{self.kind.list_of}__id" if self.kind.list_of else f"pgh_obj__{tracked and tracked.name}"
        return [f"={own}", *super().get_search_fields(request)]

    @column("What")
    def named(self, event: Event) -> str:
        return selectors.names_of(self.kind, [event])[event.pk] or str(selectors.id_of(self.kind, event))

    @column("Who")
    def who(self, event: Event) -> str:
        return selectors.facts_of(self.kind, event)["actor_id"] or EMPTY

    @column("By way of")
    def via(self, event: Event) -> str:
        return selectors.facts_of(self.kind, event)["via"] or EMPTY

    @column("Request")
    def request_id(self, event: Event) -> str:
        return selectors.facts_of(self.kind, event)["request_id"] or EMPTY


def show_history(*models: type[Event]) -> None:
    """Let the admin list all changes of these."""
    for model in models:
        admin.site.register(model, EventAdmin)
