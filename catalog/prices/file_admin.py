"""Prices by file on a price list's page: tried first, and applied once somebody has seen what it does."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from catalog.exchange import files as stored
from catalog.exchange.sniffing import too_large
from catalog.prices.files import MAX_FILE, price_file
from catalog.prices.models import PriceList
from catalog.prices.upload_views import as_download
from catalog.prices.uploading import Report, upload_prices
from ecommerce.admin_base import EMPTY, ShopAdmin, Table, detail_action, may, run_service, table

_SALT = "catalog.prices.upload"
_WAITS = 60 * 60  # seconds between looking and applying; the file is swept away after a day
_NOT_NOW = "This preview is too old, or not yours. Upload the file again."


class UploadPricesForm(forms.Form):
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget(),
        help_text="CSV with the columns sku and price, and if you like min_quantity: the form of the export.",
    )
    skip_bad = forms.BooleanField(
        label="Leave wrong lines out",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Else one wrong line refuses the file.",
    )
    replace = forms.BooleanField(
        label="Replace the list",
        required=False,
        widget=UnfoldBooleanWidget(),
        help_text="Prices that the file does not name are removed.",
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if data.get("skip_bad") and data.get("replace"):
            raise forms.ValidationError("A file that replaces the list must be right as a whole.")
        return data


class WithPriceFiles(ShopAdmin):
    """What a price list's page can do with files."""

    def has_files_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "change", PriceList)

    def has_export_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", PriceList)

    def offers(self, name: str, obj: Any) -> bool:
        return name != "apply_prices"  # the second page of an upload

    @detail_action("Export prices", icon="download", permission="export")
    def export_prices(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        price_list = self.get_object(request, object_id)
        if price_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_export_permission(request, price_list):
            raise PermissionDenied
        return as_download(price_list)

    @detail_action("Upload prices", icon="upload_file", permission="files")
    def upload_prices(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Take a file, keep it for a while, and go on to what it would do."""
        price_list = self.get_object(request, object_id)
        if price_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_files_permission(request, price_list):
            raise PermissionDenied
        sent = request.method == "POST"
        form = UploadPricesForm(request.POST if sent else None, request.FILES if sent else None)
        if sent and form.is_valid():
            name = f"{stored.FOLDER}/prices-{uuid4().hex}"
            data = form.cleaned_data

            def keep() -> str:
                if data["file"].size > MAX_FILE:
                    raise too_large(MAX_FILE)
                with price_file(data["file"]):
                    stored.store(name, data["file"])  # as it came; it is understood again when it is read
                return name

            if run_service(request, keep, network=True) is not None:
                kept = {
                    "file": name,
                    "list": str(price_list.pk),
                    "user": str(request.user.pk),
                    "skip_bad": data["skip_bad"],
                    "replace": data["replace"],
                }
                page = reverse("admin:catalog_pricelist_apply_prices", args=[price_list.pk])
                return HttpResponseRedirect(f"{page}?upload={signing.dumps(kept, salt=_SALT)}")
        question = "The file is tried first: you see what it would do, and then apply it."
        return self._page(request, price_list, form, title="Upload prices", button="Look", question=question)

    @detail_action("Apply prices", icon="done_all", permission="files")
    def apply_prices(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Show what a kept file would do (GET), and do it (POST)."""
        price_list = self.get_object(request, object_id)
        if price_list is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_files_permission(request, price_list):
            raise PermissionDenied
        back = reverse("admin:catalog_pricelist_change", args=[price_list.pk])
        kept = _kept(request, price_list)
        if kept is None:
            messages.error(request, _NOT_NOW)
            return HttpResponseRedirect(back)
        applies = request.method == "POST"
        reports: list[Report] = []

        def run() -> str:
            with stored.opened(kept["file"]) as file, price_file(file) as prices:
                flags = {"skip_bad": kept["skip_bad"], "replace": kept["replace"]}
                report = upload_prices(price_list.pk, prices, dry_run=not applies, **flags)
            reports.append(report)
            return _in_words(report)

        told = run_service(request, run)
        if told is None:
            return HttpResponseRedirect(back)
        if not applies:
            return self._preview(request, price_list, reports[-1], refuses=not kept["skip_bad"])
        stored.remove_now(kept["file"])
        self.log_change(request, price_list, f"Prices by file: {told}")
        messages.success(request, told)
        return HttpResponseRedirect(back)

    def _preview(
        self, request: HttpRequest, price_list: PriceList, report: Report, *, refuses: bool
    ) -> HttpResponseBase:
        in_vain = bool(report.bad) and refuses
        question = _in_words(report)
        if in_vain:
            question += " Put the wrong lines right, or leave them out, and upload the file again."
        return self._page(
            request,
            price_list,
            forms.Form(),
            title="Upload prices",
            button="" if in_vain else "Apply",
            question=question,
            tables=_tables(report),
        )

    def _page(
        self,
        request: HttpRequest,
        price_list: PriceList,
        form: forms.Form,
        *,
        title: str,
        button: str,
        question: str,
        tables: list[Table] | None = None,
    ) -> HttpResponseBase:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "subtitle": str(price_list),
            "original": price_list,
            "form": form,
            "back": reverse("admin:catalog_pricelist_change", args=[price_list.pk]),
            "title": title,
            "button": button,
            "question": question,
            "tables": tables or [],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)


def _kept(request: HttpRequest, price_list: PriceList) -> dict[str, Any] | None:
    """Return what this person has uploaded for this list a while ago, by the signature in the address."""
    try:
        kept: dict[str, Any] = signing.loads(request.GET.get("upload", ""), salt=_SALT, max_age=_WAITS)
    except signing.BadSignature:
        return None
    return kept if (kept["list"], kept["user"]) == (str(price_list.pk), str(request.user.pk)) else None


def _in_words(report: Report) -> str:
    parts = [
        f"{number:,} {what}"
        for number, what in (
            (report.created, "new"),
            (report.changed, "changed"),
            (report.unchanged, "unchanged"),
            (report.removed, "removed"),
            (report.bad, "wrong"),
        )
        if number
    ]
    return f"{report.lines:,} lines: {', '.join(parts) or 'nothing'}."


def _tables(report: Report) -> list[Table]:
    wrong = [(str(row.line), row.column or EMPTY, row.message, row.code) for row in report.problems]
    differences = [
        (
            str(row.line or EMPTY),
            row.sku,
            str(row.min_quantity),
            EMPTY if row.before is None else str(row.before),
            EMPTY if row.after is None else str(row.after),
        )
        for row in report.differences
    ]
    tables = [table("What is wrong, the first lines", ("Line", "Column", "What", "Code"), wrong)] if wrong else []
    if differences:
        headers = ("Line", "SKU", "From", "Before", "After")
        tables.append(table("What changes, the first lines", headers, differences))
    return tables
