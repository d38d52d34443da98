"""Synonyms, as shop staff keep them: added and deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from catalog.searching.models import SearchSynonym
from catalog.searching.synonyms import InvalidSynonym, SynonymInput, folded
from catalog.searching.words import SearchTooLong
from ecommerce.admin_base import ReadOnlyAdmin, may


class SynonymForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SearchSynonym
        fields = ("term", "meaning", "two_way")
        help_texts = {
            "term": "What people write, such as simu.",
            "meaning": "What it means in this shop, such as phone.",
            "two_way": "Who writes the meaning means the term as well.",
        }

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("term") and data.get("meaning"):
            try:
                data["term"], data["meaning"] = folded(SynonymInput(data["term"], data["meaning"]))
            except (InvalidSynonym, SearchTooLong) as error:
                for row in error.rows:
                    self.add_error(row.attr, row.detail)
        return data


@admin.register(SearchSynonym)
class SynonymAdmin(ReadOnlyAdmin):
    """Other words for the same thing. A wrong one is deleted and added anew."""

    form = SynonymForm
    list_display = ("term", "meaning", "two_way", "created_at")
    list_filter = ("two_way",)
    search_fields = ("term", "meaning")
    ordering = ("term", "meaning")
    fields = ("term", "meaning", "two_way")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "add", SearchSynonym)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "delete", SearchSynonym)
