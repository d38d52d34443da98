"""People. Rights are given by superusers alone, and by admins over the API."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.audit.admin import trail_of
from accounts.audit.contacts import contacts_of, note_changed_contacts
from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.forms import PasswordForm, PermissionsField, UserAddForm, UserForm
from accounts.freshness import is_fresh
from accounts.models import User
from accounts.people.selectors import search_people
from accounts.roles import services as role_services
from accounts.roles.definitions import StaffRole
from accounts.roles.selectors import rights_of
from accounts.second_factor.services import remove_for
from ecommerce.admin_base import ShopAdmin, Table, as_phone, badge, column, detail_action

admin.site.unregister(Group)


def is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def may_give_rights(request: HttpRequest) -> bool:
    """Superusers who logged in a moment ago: a browser that was left open gives no rights."""
    return is_superuser(request) and is_fresh(request)


def actor_of(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


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
    actions_detail = ("deactivate", "activate", "set_password", "remove_second_factor")

    POWERS = ("role", "is_staff", "is_superuser", "groups")
    readonly_fields = (
        "username",
        "is_active",
        "email_verified_at",
        "phone_verified_at",
        "second_factor_at",
        "last_login",
        "date_joined",
    )
    fieldsets = (
        (None, {"fields": (("email", "username"), ("first_name", "last_name"), "phone_number")}),
        ("Rights", {"fields": (("role", "is_active"), ("is_staff", "is_superuser"), "groups")}),
        (
            "Times",
            {"fields": (("email_verified_at", "phone_verified_at"), ("last_login", "date_joined"), "second_factor_at")},
        ),
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
        sensible = {
            "deactivate": obj.is_active,
            "activate": not obj.is_active,
            "remove_second_factor": obj.second_factor_at is not None,
        }
        return sensible.get(name, True)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        user = self.get_object(request, str(object_id))
        if user is None or not self.has_change_permission(request, user):
            return []
        actions = super().get_actions_detail(request, object_id)
        if is_superuser(request):
            return actions
        theirs = ("set_password", "remove_second_factor")
        return [action for action in actions if action.method.original_function_name not in theirs]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        if not may_give_rights(request):
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
            record(SecurityEvent.Kind.SIGNED_UP, user=obj, actor=actor_of(request), request=request, by="staff")
            return
        # Locked, so that of two changes at once each knows what it has changed.
        before = User.objects.select_for_update(no_key=True).get(pk=obj.pk)
        request.__dict__["rights_before"] = rights_of(before)
        doubtful = []
        if "email" in form.changed_data:  # what was verified was the old one
            obj.email_verified_at = None
            doubtful.append("email_verified_at")
        if "phone_number" in form.changed_data:
            obj.phone_verified_at = None
            doubtful.append("phone_verified_at")
        self.save_changed(obj, form, *doubtful)
        note_changed_contacts(obj, contacts_of(before), actor=actor_of(request), request=request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            user = User.objects.get(pk=form.instance.pk)
            role_services.note_changed_rights(
                user, request.__dict__["rights_before"], actor=actor_of(request), request=request
            )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if is_superuser(request) and not is_fresh(request):
            messages.info(request, "Log out and in again to change somebody's rights: that takes a fresh log-in.")
        return super().render_change_form(request, context, *args, **kwargs)

    # --- Finding -----------------------------------------------------------------------------------------------

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        phone = as_phone(search_term)
        if phone:
            return queryset.filter(Q(phone_number=phone) | Q(username=search_term.strip())), False
        return search_people(queryset, search_term), False

    # --- Actions -----------------------------------------------------------------------------------------------

    @detail_action("Deactivate", icon="block", danger=True)
    def deactivate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(user: User, _: dict[str, Any]) -> str:
            role_services.deactivate(user, actor=actor_of(request), request=request)
            return "Deactivated; every session has ended."

        if str(request.user.pk) == object_id:
            messages.error(request, "You cannot deactivate yourself.")
            return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[object_id]))
        question = "They are logged out everywhere at once and cannot log in any more. Orders stay as they are."
        return self.confirmed(request, object_id, do, title="Deactivate", question=question, danger=True)

    @detail_action("Activate", icon="check_circle")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        def do(user: User, _: dict[str, Any]) -> str:
            role_services.activate(user, actor=actor_of(request), request=request)
            return "Activated."

        return self.confirmed(request, object_id, do, title="Activate", question="They can log in again.")

    @detail_action("Set password", icon="key")
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[object_id]))

    @detail_action("Remove second factor", icon="phonelink_erase", danger=True)
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        actor = request.user
        if not isinstance(actor, User) or not actor.is_superuser:
            raise PermissionDenied

        def do(user: User, _: dict[str, Any]) -> str:
            remove_for(user, actor=actor, request=request)
            return "Removed; the log-in no longer asks for a code. They are told by mail."

        question = "For somebody who has lost the phone and the recovery codes. Be sure that it is they who ask."
        title = "Remove second factor"
        return self.confirmed(request, object_id, do, title=title, question=question, danger=True)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        if not is_superuser(request):
            raise PermissionDenied
        request.__dict__["change"] = SecurityEvent.Kind.PASSWORD_CHANGED
        with transaction.atomic():
            return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        if kind := request.__dict__.get("change"):
            record(kind, user=obj, actor=actor_of(request), request=request, by="staff")
        return super().log_change(request, obj, message)

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
        return may_give_rights(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_give_rights(request) and not self._is_kept(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_give_rights(request) and not self._is_kept(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        permissions = sorted(form.instance.permissions.values_list("codename", flat=True))
        actor = actor_of(request)
        kind = SecurityEvent.Kind.GROUP_CHANGED
        record(kind, actor=actor, request=request, group=form.instance.pk, permissions=permissions)

    def _is_kept(self, group: Group | None) -> bool:
        """Tell whether it is the group of a role: each deploy would undo what is changed here."""
        return group is not None and group.name in StaffRole.labels

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
from accounts.api_keys import admin as api_keys_admin  # noqa: E402,F401
from accounts.sellers import admin as sellers_admin  # noqa: E402,F401
from accounts.sms import admin as sms_admin  # noqa: E402,F401
