"""Sellers in the admin: who waits, and deciding about them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.freshness import is_fresh
from accounts.models import User
from accounts.sellers import selectors, services
from accounts.sellers.models import PayoutDestination, SellerProfile
from ecommerce.admin_base import WAITING, ReadOnlyAdmin, Table, Waiting, badge, column, detail_action, may, table, when

Status = SellerProfile.Status
LOOKS = {
    Status.APPLIED: "info",
    Status.APPROVED: "success",
    Status.REJECTED: "",
    Status.SUSPENDED: "danger",
}
WAITING.append(Waiting("Applications to sell", "storefront", selectors.waiting(), "status__exact=applied"))


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, widget=UnfoldAdminTextInputWidget(), help_text="The seller reads it.")


@admin.register(SellerProfile)
class SellerProfileAdmin(ReadOnlyAdmin):
    """Applications first come from here: approve, reject; later suspend and reinstate."""

    list_display = ("display_name", "user", "county", "shown_status", "applied_at", "decided_at")
    list_filter = ("status", "county")
    list_select_related = ("user",)
    search_fields = ("display_name", "url_key", "user__email")
    search_help_text = "The name, its address, or the e-mail"
    ordering = ("-applied_at", "-id")
    fields = (
        ("display_name", "url_key"),
        "user",
        "about",
        "county",
        ("contact_email", "contact_phone"),
        ("shown_status", "applied_at"),
        ("reason", "decided_by", "decided_at"),
    )
    actions_detail = ("approve", "reject", "suspend", "reinstate")

    def tables(self, request: HttpRequest, obj: SellerProfile) -> list[Table]:
        if not may(request, "view", PayoutDestination):
            return []
        rows = [
            (each.get_method_display(), f"…{each.ends_with}", each.bank_code, each.account_name, when(each.held_until))
            for each in PayoutDestination.objects.filter(user=obj.user_id)
        ]
        return [table("Where the money goes", ("Method", "Ends with", "Bank", "Name", "Held until"), rows)]

    def offers(self, name: str, obj: SellerProfile) -> bool:
        return obj.status == {
            "approve": Status.APPLIED,
            "reject": Status.APPLIED,
            "suspend": Status.APPROVED,
            "reinstate": Status.SUSPENDED,
        }.get(name)

    @detail_action("Approve", icon="check_circle")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "They may add products, and are told by mail."
        return self._decided(request, object_id, Status.APPROVED, title="Approve", question=question)

    @detail_action("Reject", icon="cancel", danger=True)
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "They are told by mail, and may apply again."
        return self._decided(request, object_id, Status.REJECTED, title="Reject", question=question)

    @detail_action("Suspend", icon="block", danger=True)
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Their products leave the shop window at once. Orders go on, and they still ship them."
        return self._decided(request, object_id, Status.SUSPENDED, title="Suspend", question=question)

    @detail_action("Reinstate", icon="check_circle")
    def reinstate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        question = "Products that were hidden with them are for sale again."
        return self._decided(request, object_id, Status.APPROVED, title="Reinstate", question=question)

    def _decided(
        self, request: HttpRequest, object_id: str, target: SellerProfile.Status, *, title: str, question: str
    ) -> HttpResponseBase:
        actor = request.user
        if not isinstance(actor, User):
            raise PermissionDenied
        if not is_fresh(request):
            messages.error(request, "Log out and in again to decide about a seller: that takes a fresh log-in.")
            return HttpResponseRedirect(reverse("admin:accounts_sellerprofile_change", args=[object_id]))

        def do(profile: SellerProfile, told: dict[str, Any]) -> str:
            services.decide(profile.user_id, target, actor=actor, reason=told.get("reason", ""), request=request)
            return "Done; they are told by mail."

        harsh = target in (Status.REJECTED, Status.SUSPENDED)
        extra: dict[str, Any] = {"form_class": ReasonForm} if harsh else {}
        return self.confirmed(request, object_id, do, title=title, question=question, danger=harsh, **extra)

    @column("Status", ordering="status")
    def shown_status(self, profile: SellerProfile) -> str:
        return badge(profile.get_status_display(), LOOKS[Status(profile.status)])
