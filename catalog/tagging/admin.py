"""Tags, as staff keep them in the admin."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import UnfoldAdminSelectWidget

from catalog.tagging import selectors, services
from catalog.tagging.models import Tag
from catalog.tagging.serializers import WriteTagSerializer
from ecommerce.admin_base import ShopAdmin, column, detail_action, may


class TagForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Tag
        fields = ("name", "url_key")
        labels = {"url_key": "URL key"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "url_key" in self.fields:
            self.fields["url_key"].required = False
            self.fields["url_key"].help_text = "Made from the name when empty. Products follow a new one."

    def clean(self) -> dict[str, Any]:
        """Let the API's own rules say what is wrong."""
        data: dict[str, Any] = super().clean() or {}
        if not self.errors:
            said = {name: data[name] for name in ("name", "url_key") if data.get(name)}
            form = WriteTagSerializer(None if self.instance._state.adding else self.instance, data=said)
            if form.is_valid():
                self.said: dict[str, Any] = form.validated_data
            for name, errors in form.errors.items():
                self.add_error(name, str(errors[0]))
        return data


class MergeForm(forms.Form):
    into = forms.ModelChoiceField(queryset=Tag.objects.all(), label="Tag that stays", widget=UnfoldAdminSelectWidget())


class TagAdmin(ShopAdmin):
    form = TagForm
    list_display = ("name", "url_key", "product_count")
    search_fields = ("name", "url_key")
    fields = ("name", "url_key")
    actions_detail = ("merge",)

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", Tag) and may(request, "delete", Tag)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        return selectors.tags().order_by("name")

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        if change:
            services.save_tag(tag_id=obj.pk, **form.said)
        else:
            services.save_tag(id=obj.pk, **form.said)

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        services.delete_tag(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> None:
        for tag in queryset:
            services.delete_tag(tag.pk)

    @detail_action("Merge into another", icon="merge", danger=True)
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(tag: Tag, data: dict[str, Any]) -> str:
            target = services.merge_tags(tag.pk, into=data["into"].pk)
            # The row is gone, so is its page.
            return f"{tag} has become part of {target}."

        return self.confirmed(request, object_id, do, title="Merge into another tag", danger=True, form_class=MergeForm)

    @column("Products")
    def product_count(self, tag: Tag) -> int:
        count: int = tag.product_count  # type: ignore[attr-defined]
        return count
