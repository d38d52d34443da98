"""People. Rights are given by superusers alone."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.audit.admin import trail_of
from accounts.forms import PasswordForm, PermissionsField, UserAddForm, UserForm
from accounts.models import User
from accounts.tokens import end_all_sessions
from ecommerce.admin_base import ShopAdmin, Table, as_phone, badge, column, detail_action

admin.site.unregister(Group)


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def holds_power(user: User) -> bool:
    """Tell whether an account can do more than a customer's; only superusers touch such an account."""
    return user.is_staff or user.is_superuser or user.role == User.Role.ADMIN


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ShopAdmin):  # type: ignore[type-arg]
    """Customers and staff.

    A member of staff with ``change_user`` keeps customers' names, addresses and numbers right. Role, staff flags,
    groups and passwords, and every account that is more than a customer's, belong to superusers.
    """

    form = UserForm
    add_form = UserAddForm
    change_password_form = PasswordForm
    list_display = ("email_or_username", "full_name", "phone_number", "role", "staff", "active", "date_joined")
    list_filter = ("role", "is_staff", "is_active", "date_joined")
    search_fields = ("email", "username", "first_name", "last_name")
    search_help_text = "Name, e-mail or phone number in any spelling"
    ordering = ("-date_joined",)
    filter_horizontal = ()
    autocomplete_fields = ("groups",)
    actions_detail = ("deactivate", "activate", "set_password")

    POWERS = ("role", "is_staff", "is_superuser", "groups")
    readonly_fields = (
        "username",
        "is_active",
        "email_verified_at",
        "phone_verified_at",
        "last_login",
        "date_joined",
    )
    fieldsets = (
        (None, {"fields": (("email", "username"), ("first_name", "last_name"), "phone_number")}),
        ("Rights", {"fields": (("role", "is_active"), ("is_staff", "is_superuser"), "groups")}),
        ("Times", {"fields": (("email_verified_at", "phone_verified_at"), ("last_login", "date_joined"))}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", ("first_name", "last_name"), "phone_number", ("password1", "password2"))}),
    )

    def tables(self, request: HttpRequest, obj: User) -> list[Table]:
        return [*super().tables(request, obj), *trail_of(request, obj)]

    # --- Who may do what ---------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and holds_power(obj) and not is_superuser(request):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # orders and ledgers name their people; an account is deactivated

    def has_act_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Asked twice: for the button with the row's id alone, for the deed with the row.
        return self.has_change_permission(request, obj if isinstance(obj, User) else None)

    def offers(self, name: str, obj: User) -> bool:
        return {"deactivate": obj.is_active, "activate": not obj.is_active}.get(name, True)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        user = self.get_object(request, str(object_id))
        if user is None or not self.has_change_permission(request, user):
            return []
        actions = super().get_actions_detail(request, object_id)
        if is_superuser(request):
            return actions
        return [action for action in actions if action.method.original_function_name != "set_password"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        if not is_superuser(request):
            return (*fields, *self.POWERS)
        # Nobody locks themselves out by mistake.
        return (*fields, "is_staff", "is_superuser") if obj is not None and obj.pk == request.user.pk else fields

    # --- Saving ------------------------------------------------------------------------------------------------

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            names = ("first_name", "last_name", "phone_number")
            given = {name: form.cleaned_data[name] for name in names}
            User.objects.create_user(form.cleaned_data["email"], form.cleaned_data["password1"], id=obj.pk, **given)
            obj._state.adding = False
            obj.refresh_from_db()
            return
        doubtful = []
        if "email" in form.changed_data:  # what was verified was the old one
            obj.email_verified_at = None
            doubtful.append("email_verified_at")
        if "phone_number" in form.changed_data:
            obj.phone_verified_at = None
            doubtful.append("phone_verified_at")
        self.save_changed(obj, form, *doubtful)

    # --- Finding -----------------------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        phone = as_phone(search_term)
        if phone:
            return queryset.filter(Q(phone_number=phone) | Q(username=search_term.strip())), False
        return super().get_search_results(request, queryset, search_term)

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Deactivate", icon="block", danger=True)
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(user: User, _: dict[str, Any]) -> str:
            with transaction.atomic():
                User.objects.filter(pk=user.pk).update(is_active=False, updated_at=Now())
                end_all_sessions(user)
            return "Deactivated; every session has ended."

        if str(request.user.pk) == object_id:
            messages.error(request, "You cannot deactivate yourself.")
            return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[object_id]))
        question = "They are logged out everywhere at once and cannot log in any more. Orders stay as they are."
        return self.confirmed(request, object_id, do, title="Deactivate", question=question, danger=True)

    @detail_action("Activate", icon="check_circle")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(user: User, _: dict[str, Any]) -> str:
            User.objects.filter(pk=user.pk).update(is_active=True, updated_at=Now())
            return "Activated."

        return self.confirmed(request, object_id, do, title="Activate", question="They can log in again.")

    @detail_action("Set password", icon="key")
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[object_id]))

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        if not is_superuser(request):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    # --- Columns -----------------------------------------------------------------------------------------------

    @column("User", ordering="email")
    def email_or_username(self, user: User) -> str:
        return str(user)

    @column("Name", ordering="last_name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @column("Staff", ordering="is_staff")
    def staff(self, user: User) -> str:
        if user.is_superuser:
            return badge("Superuser", "warning")
        return badge("Staff", "info") if user.is_staff else ""

    @column("Active", ordering="is_active", boolean=True)
    def active(self, user: User) -> bool:
        return user.is_active


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ShopAdmin):
    """Bundles of rights. Who may edit these may do everything, so only superusers may."""

    list_display = ("name",)
    filter_horizontal = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_superuser(request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        if db_field.name != "permissions":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        # Only what has pages here: a right to anything else would do nothing.
        pages = ContentType.objects.get_for_models(*self.admin_site._registry).values()
        permissions = Permission.objects.filter(content_type__in=pages).select_related("content_type")
        return PermissionsField(
            queryset=permissions.order_by("content_type__app_label", "content_type__model", "codename"),
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            help_text="What members may see and do: “change order” ships and cancels, “change stock” adjusts it.",
        )


# Last, the pages of parts that stand by themselves.
from accounts.sms import admin as sms_admin  # noqa: E402,F401
