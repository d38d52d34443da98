"""Attributes, as staff define them in the admin."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from unfold.widgets import (
    UnfoldAdminSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from catalog.attributes import services
from catalog.attributes.exceptions import AttributesRefused
from catalog.attributes.models import Attribute, AttributeChoice
from catalog.attributes.serializers import WriteAttributeSerializer, WriteChoiceSerializer
from catalog.attributes.services import ChoiceInput, PlaceInput
from catalog.attributes.units import UNITS, shown
from catalog.models import Category
from ecommerce.admin_base import ShopAdmin, Table, column, detail_action, table
from ecommerce.exceptions import ErrorRow

_UNITS = [("", "none"), *((unit, unit) for unit in UNITS)]


class AttributeForm(forms.ModelForm):  # type: ignore[type-arg]
    """An attribute with its choices, one to a line, and its categories."""

    unit = forms.ChoiceField(
        choices=_UNITS, required=False, widget=UnfoldAdminSelectWidget(choices=_UNITS), help_text="Of a number."
    )
    choice_lines = forms.CharField(
        label="Choices",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="One to a line, such as midnight-black: Midnight black. To rename one, use the button above.",
    )
    step_list = forms.CharField(
        label="Facet ranges begin at",
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Numbers in ascending order, such as 0, 64, 128, 256. Without any, the facet tells values.",
    )
    required_in = forms.ModelMultipleChoiceField(
        queryset=Category.objects.all(), required=False, widget=UnfoldAdminSelectMultipleWidget()
    )
    optional_in = forms.ModelMultipleChoiceField(
        queryset=Category.objects.all(), required=False, widget=UnfoldAdminSelectMultipleWidget()
    )

    class Meta:
        model = Attribute
        fields = ("code", "label", "type", "unit", "filterable", "facetable")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attribute: Attribute = self.instance
        if attribute._state.adding:
            return
        lines = [f"{choice.code}: {choice.label}" for choice in attribute.choices.all()]
        self.initial = {
            **self.initial,
            "choice_lines": "\n".join(lines),
            "step_list": ", ".join(shown(step) for step in attribute.steps),
            "required_in": [row.category_id for row in attribute.category_rows.all() if row.required],
            "optional_in": [row.category_id for row in attribute.category_rows.all() if not row.required],
        }

    def clean_choice_lines(self) -> list[dict[str, str]]:
        choices = []
        for line in self.cleaned_data["choice_lines"].splitlines():
            code, _, label = (part.strip() for part in line.partition(":"))
            if code or label:
                choices.append({"code": code, "label": label or code})
        return choices

    def clean_step_list(self) -> list[str]:
        return [step.strip() for step in self.cleaned_data["step_list"].split(",") if step.strip()]

    def clean(self) -> dict[str, Any]:
        """Let the API's own rules say what is wrong."""
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        said = {name: data[name] for name in ("label", "type", "unit", "filterable", "facetable")}
        said |= {"choices": data["choice_lines"], "steps": data["step_list"]}
        adding = self.instance._state.adding
        form = WriteAttributeSerializer(None if adding else self.instance, data=said | {"code": data["code"]})
        if not form.is_valid():
            fields = {"choices": "choice_lines", "steps": "step_list"}
            for name, errors in form.errors.items():
                self.add_error(fields.get(name, name), str(_first(errors)))
            return data
        self.said: dict[str, Any] = form.validated_data
        return data


def _first(errors: Any) -> Any:
    while isinstance(errors, list | dict):
        errors = next(iter(errors.values() if isinstance(errors, dict) else errors))
    return errors


class RenameChoiceForm(forms.Form):
    old = forms.CharField(label="Code now", max_length=60, widget=UnfoldAdminTextInputWidget())
    code = forms.CharField(
        label="New code",
        max_length=60,
        widget=UnfoldAdminTextInputWidget(),
        help_text="That of another choice makes the two one. Products follow within seconds.",
    )

    def clean_code(self) -> str:
        form = WriteChoiceSerializer(data={"code": self.cleaned_data["code"]})
        if not form.is_valid():
            raise forms.ValidationError(str(_first(form.errors)), code="invalid")
        code: str = self.cleaned_data["code"]
        return code


class AttributeAdmin(ShopAdmin):
    """Attributes. Products follow a change within seconds."""

    form = AttributeForm
    list_display = ("label", "code", "type", "unit", "choice_count", "filterable", "facetable")
    list_filter = ("type", "filterable", "facetable")
    search_fields = ("code", "label")
    actions_detail = ("rename_choice",)
    fields = (
        ("label", "code"),
        ("type", "unit"),
        "choice_lines",
        "step_list",
        ("filterable", "facetable"),
        ("required_in", "optional_in"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Attribute]:
        attributes: QuerySet[Attribute] = super().get_queryset(request).prefetch_related("choices")
        return attributes

    def get_actions(self, request: HttpRequest) -> Any:
        return {}  # each is deleted by itself: the service says why not

    def offers(self, name: str, obj: Attribute) -> bool:
        return obj.type == Attribute.Type.CHOICE

    def save_model(self, request: HttpRequest, obj: Attribute, form: Any, change: bool) -> None:
        required = form.cleaned_data["required_in"]
        optional = form.cleaned_data["optional_in"].difference(required)
        positions = {row.category_id: row.position for row in obj.category_rows.all()} if change else {}
        places = [
            PlaceInput(category, required=asked, position=positions.get(category.pk, 0))
            for asked, categories in ((True, required), (False, optional))
            for category in categories
        ]
        said = {name: value for name, value in form.said.items() if not (change and name == "code")}
        if change:
            services.save_attribute(attribute_id=obj.pk, places=places, **said)
        else:
            services.save_attribute(id=obj.pk, places=places, **said)

    def delete_model(self, request: HttpRequest, obj: Attribute) -> None:
        services.delete_attribute(obj.pk)

    @detail_action("Rename a choice", icon="edit")
    def rename_choice(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(attribute: Attribute, data: dict[str, Any]) -> str:
            present = list(attribute.choices.all())
            if data["old"] not in {choice.code for choice in present} or data["old"] == data["code"]:
                text = "There is no such choice, or nothing would change."
                raise AttributesRefused([ErrorRow("unknown_choice", text, "old")])
            services.save_attribute(attribute_id=attribute.pk, choices=_renamed(present, data["old"], data["code"]))
            return f"{data['old']} has become {data['code']}."

        return self.confirmed(request, object_id, do, title="Rename a choice", form_class=RenameChoiceForm)

    def tables(self, request: HttpRequest, obj: Attribute) -> list[Table]:
        rows = [(choice.code, choice.label, ", ".join(choice.former)) for choice in obj.choices.all() if choice.former]
        return [table("Former codes", ("Code", "Label", "Was"), rows)] if rows else []

    @column("Choices")
    def choice_count(self, attribute: Attribute) -> str:
        return str(len(attribute.choices.all())) if attribute.type == Attribute.Type.CHOICE else ""


def _renamed(present: list[AttributeChoice], old: str, code: str) -> list[ChoiceInput]:
    """Return the choices with another code in the place of one, or without it when that code is there already."""
    there = code in {choice.code for choice in present}
    renamed = []
    for choice in present:
        if choice.code == old and not there:
            renamed.append(ChoiceInput(code, choice.label, was=old))
        elif choice.code != old:
            renamed.append(ChoiceInput(choice.code, choice.label, was=old if choice.code == code else ""))
    return renamed
