"""Imports and exports, as shop staff do them: a file is always tried first, and started when it does what it should."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from catalog.exchange import problems, selectors, services
from catalog.exchange.exporting import FORMATS, export
from catalog.exchange.fields import ATTRIBUTE, FIELDS, IGNORED
from catalog.exchange.models import CatalogueImport
from catalog.exchange.views import download
from catalog.models import Product, ProductQuerySet
from ecommerce.admin_base import (
    EMPTY,
    ReadOnlyAdmin,
    ShopAdmin,
    Table,
    badge,
    column,
    detail_action,
    may,
    run_service,
    table,
)
from ecommerce.currencies import ISO_4217

State = CatalogueImport.State

SHOWN = 50  # rows of a table
_LOOKS = {
    State.PENDING: "info",
    State.RUNNING: "info",
    State.FINISHED: "success",
    State.FAILED: "danger",
    State.CANCELLED: "warning",
    State.UNDOING: "info",
    State.UNDONE: "warning",
}


class UploadForm(forms.Form):
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(), help_text="CSV (also Shopify's), NDJSON or XLSX. Nothing is changed yet."
    )
    currency = forms.ChoiceField(
        choices=[(code, f"{code} – {known.name}") for code, known in sorted(ISO_4217.items())],
        initial=settings.DEFAULT_CURRENCY,
        widget=UnfoldAdminSelectWidget(),
        help_text="Of prices that have no currency beside them.",
    )
    rate = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=20,
        decimal_places=10,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text=f"{settings.DEFAULT_CURRENCY} for one unit of it. Empty: the shop's own rate.",
    )
    stock = forms.IntegerField(
        initial=0,
        min_value=0,
        max_value=1_000_000,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Units of a new variant where the file says nothing.",
    )
    update_stock = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget(), help_text="Count the stock of variants that exist, too."
    )


class ExportForm(forms.Form):
    form = forms.ChoiceField(
        label="File",
        choices=[(name, "Shopify CSV" if name == "shopify" else name.upper()) for name in FORMATS],
        widget=UnfoldAdminSelectWidget(),
        help_text="The products of the list, as it was filtered. The file can be imported again.",
    )


def mapping_form(job: CatalogueImport) -> type[forms.Form]:
    """Return a form with a choice of fields for each column of the file."""
    known = [(IGNORED, "– not read –"), *((field, field.replace("_", " ")) for field in FIELDS)]
    fields: dict[str, Any] = {}
    for number, name in enumerate(job.columns):
        own = (f"{ATTRIBUTE}{name}", f"attribute “{name}”")
        chosen = job.mapping.get(name, IGNORED)
        others = [] if chosen in {value for value, _ in (*known, own)} else [(chosen, chosen)]
        fields[f"column_{number}"] = forms.ChoiceField(
            label=name, required=False, choices=[*known, own, *others], initial=chosen, widget=UnfoldAdminSelectWidget()
        )
    return type("MappingForm", (forms.Form,), fields)


class WithExchange(ShopAdmin):
    """What the list of products can do with files."""

    def has_import_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return selectors.may_import(request.user)

    def has_export_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return selectors.may_export(request.user)

    @detail_action("Import", icon="upload_file", permission="import")
    def import_products(self, request: HttpRequest) -> HttpResponseBase:
        """Take a file, and try it."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        sent = request.method == "POST"
        form = UploadForm(request.POST if sent else None, request.FILES if sent else None)
        if sent and form.is_valid():
            job = self._upload(request, form.cleaned_data)
            name = "admin:catalog_catalogueimport_change" if job else "admin:catalog_product_changelist"
            return HttpResponseRedirect(reverse(name, args=[job.pk] if job else []))
        question = "The file is tried first: you see what it would do, and then start it."
        return self._asked(request, form, title="Import products", question=question, button="Upload and try")

    def _upload(self, request: HttpRequest, data: dict[str, Any]) -> CatalogueImport | None:
        if data["update_stock"] and not selectors.may_update_stock(request.user):
            messages.error(request, "Counting stock needs the right to change it.")
            return None
        jobs: list[CatalogueImport] = []

        def take() -> str:
            options = services.Options(
                currency=data["currency"], rate=data["rate"], stock=data["stock"], update_stock=data["update_stock"]
            )
            staged = services.stage_upload(
                file=data["file"],
                file_name=data["file"].name,
                options=options,
                dry_run=True,
                actor=request.user,  # type: ignore[arg-type]
            )
            jobs.append(services.enqueue(staged))
            return "The file is taken and being tried. Look again in a moment."

        answer = run_service(request, take, network=True)
        if answer is None:
            return None
        self.log_addition(request, jobs[0], answer)
        messages.success(request, answer)
        return jobs[0]

    @detail_action("Export", icon="download", permission="export")
    def export_products(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            listed = self._listed(request)
        except IncorrectLookupParameters:
            messages.error(request, "The list has no such filter.")
            return HttpResponseRedirect(reverse("admin:catalog_product_changelist"))
        form = ExportForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            chosen = form.cleaned_data["form"]
            content_type, suffix = FORMATS[chosen]
            name = f"products-{timezone.now():%Y-%m-%d}.{suffix}"
            return download(export(listed, chosen), name=name, content_type=content_type)
        return self._asked(request, form, title="Export products", button="Download")

    def _listed(self, request: HttpRequest) -> ProductQuerySet:
        """Return what the list shows on all its pages, by the filters and the words in the address."""
        rows = self.get_changelist_instance(request).get_queryset(request)
        return Product.objects.filter(pk__in=rows.values("pk"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Let the link to the export know how the list is filtered."""
        response = super().changelist_view(request, extra_context)
        asked = request.GET.urlencode()
        for action in getattr(response, "context_data", {}).get("actions_list", []) if asked else []:
            if action.get("path", "").partition("?")[0] == reverse("admin:catalog_product_export_products"):
                action["path"] = f"{action['path']}?{asked}"
        return response

    def _asked(self, request: HttpRequest, form: forms.Form, **words: str) -> HttpResponseBase:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "form": form,
            "back": reverse("admin:catalog_product_changelist"),
            **words,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)


@admin.register(CatalogueImport)
class CatalogueImportAdmin(ReadOnlyAdmin):
    """Imports: how far they are, what they would do or did, and what was wrong."""

    list_display = ("file_name", "kind_name", "what", "state_badge", "counts", "created_by", "created_at")
    list_filter = ("state", "dry_run", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("file_name",)
    search_help_text = "Name of the file"
    ordering = ("-created_at", "-id")
    actions_detail = ("start", "change_mapping", "cancel", "undo", "download_errors")
    fields = (
        ("file_name", "kind_name", "what"),
        ("state_badge", "progress_shown", "failure_detail"),
        ("created", "changed", "unchanged", "refused", "problem_count"),
        ("created_by", "created_at"),
        ("started_at", "finished_at"),
        ("undone_changes", "kept_changes", "undone_at"),
    )

    # --- Who may do what ---------------------------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return selectors.may_import(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return selectors.may_import(request.user) or may(request, "view", CatalogueImport)

    def offers(self, name: str, obj: CatalogueImport) -> bool:
        ended = obj.state in services.ENDED
        return {
            "start": ended and obj.dry_run and bool(obj.file),
            "change_mapping": ended and obj.dry_run and bool(obj.file and obj.columns),
            "cancel": obj.state in (State.PENDING, State.RUNNING),
            "undo": ended and not obj.dry_run and bool(obj.created or obj.changed),
            "download_errors": bool(obj.problem_count),
        }[name]

    # --- What can be done --------------------------------------------------------------------------------------

    @detail_action("Start", icon="play_arrow")
    def start(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(job: CatalogueImport, _: dict[str, Any]) -> str:
            self._refuse_stock(request, job)
            services.start_import(job.pk)
            return "Started. Look again in a moment."

        question = "The shop is changed as the dry run said; rows that were refused are left out. It can be undone."
        return self.confirmed(request, object_id, do, title="Start", question=question)

    @detail_action("Change mapping", icon="tune")
    def change_mapping(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        obj = self.get_object(request, object_id)

        def do(job: CatalogueImport, data: dict[str, Any]) -> str:
            self._refuse_stock(request, job)
            mapping = {name: data[f"column_{number}"] for number, name in enumerate(job.columns)}
            services.start_import(job.pk, dry_run=True, mapping=mapping)
            return "The file is being tried again."

        question = "What each column of the file means. The file is tried again, and still nothing is changed."
        form_class = mapping_form(obj) if obj else forms.Form
        return self.confirmed(
            request, object_id, do, title="Change mapping", question=question, button="Try", form_class=form_class
        )

    @detail_action("Cancel", icon="cancel", danger=True)
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(job: CatalogueImport, _: dict[str, Any]) -> str:
            services.cancel_import(job.pk)
            return "Cancelled."

        question = "It stops before its next batch. What is stored stays, and can be undone."
        return self.confirmed(request, object_id, do, title="Cancel", question=question, danger=True)

    @detail_action("Undo", icon="undo", danger=True)
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(job: CatalogueImport, _: dict[str, Any]) -> str:
            services.undo_import_changes(job.pk, actor=request.user)  # type: ignore[arg-type]
            return "The import is being undone. Look again in a moment."

        question = (
            "Products that it made leave the shop, everything else gets the values that it had before. What somebody "
            "has changed since stays, and is listed here."
        )
        return self.confirmed(request, object_id, do, title="Undo", question=question, danger=True)

    @detail_action("Download errors", icon="download", permission="view")
    def download_errors(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        obj = self.get_object(request, object_id)
        if obj is None or not self.has_view_permission(request, obj):
            raise PermissionDenied
        return download(problems.as_csv(obj), name=f"import-{obj.pk}-errors.csv", content_type="text/csv")

    def _refuse_stock(self, request: HttpRequest, job: CatalogueImport) -> None:
        if job.options.get("update_stock") and not selectors.may_update_stock(request.user):
            raise PermissionDenied

    # --- What is shown -----------------------------------------------------------------------------------------

    def tables(self, request: HttpRequest, obj: CatalogueImport) -> list[Table]:
        shown = []
        if obj.problem_count:
            rows = [
                (row.line or EMPTY, row.column or EMPTY, row.key, row.message, row.code)
                for row in selectors.problems_of(obj)[:SHOWN]
            ]
            title = f"What was wrong ({obj.problem_count})"
            shown.append(table(title, ("Line", "Column", "Product", "What", "Code"), rows))
        if obj.differences:
            title = "What it would do" if obj.dry_run else "What it did"
            changes = [_difference_row(difference) for difference in obj.differences[:SHOWN]]
            shown.append(table(title, ("Line", "Product", "What", "Changes"), changes))
        if obj.columns:
            mapping = [(name, obj.mapping.get(name) or EMPTY) for name in obj.columns]
            shown.append(table("Mapping", ("Column", "Field"), mapping))
        return shown

    @column("Kind")
    def kind_name(self, job: CatalogueImport) -> str:
        return f"Shopify {job.get_kind_display()}" if job.is_shopify else job.get_kind_display()

    @column("Run", ordering="dry_run")
    def what(self, job: CatalogueImport) -> str:
        return "Dry run" if job.dry_run else "Import"

    @column("State", ordering="state")
    def state_badge(self, job: CatalogueImport) -> str:
        return badge(job.get_state_display(), _LOOKS[State(job.state)])

    @column("Progress")
    def progress_shown(self, job: CatalogueImport) -> str:
        return f"{job.progress} %, {job.lines_read:,} lines"

    @column("New / changed / same / refused")
    def counts(self, job: CatalogueImport) -> str:
        return f"{job.created:,} / {job.changed:,} / {job.unchanged:,} / {job.refused:,}"


def _difference_row(difference: dict[str, Any]) -> tuple[str, ...]:
    changes = [f"{name}: {_shown(old)} → {_shown(new)}" for name, (old, new) in difference["changes"].items()]
    if difference["new_variants"]:
        changes.append(f"{difference['new_variants']} new variants")
    return (
        str(difference["line"]),
        difference["name"] or difference["key"],
        difference["action"],
        "; ".join(changes) or EMPTY,
    )


def _shown(value: Any) -> str:
    text = EMPTY if value in (None, "") else str(value)
    return f"{text[:57]}…" if len(text) > 60 else text
