"""Bringing the groups in the database to what the code says, after each migration."""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from accounts.roles.definitions import StaffRole, permissions_of


def keep_groups() -> None:
    """Give each role's group exactly its permissions; leave groups by other names alone."""
    Membership = Group.permissions.through
    with transaction.atomic():
        Group.objects.bulk_create([Group(name=role.label) for role in StaffRole], ignore_conflicts=True)
        groups = dict(Group.objects.filter(name__in=StaffRole.labels).values_list("name", "pk"))
        known = {
            (app, codename): pk
            for app, codename, pk in Permission.objects.values_list("content_type__app_label", "codename", "pk")
        }
        wanted = {
            (groups[role.label], known[permission]) for role in StaffRole for permission in permissions_of(role, known)
        }
        present = Membership.objects.filter(group_id__in=groups.values())
        have = {
            (group, permission): pk for pk, group, permission in present.values_list("pk", "group_id", "permission_id")
        }
        Membership.objects.filter(pk__in=[pk for pair, pk in have.items() if pair not in wanted]).delete()
        Membership.objects.bulk_create(
            [Membership(group_id=group, permission_id=permission) for group, permission in wanted - have.keys()],
            ignore_conflicts=True,
        )


def after_migration(app_config: AppConfig, **kwargs: Any) -> None:
    """Keep the groups when the last app has its permissions; a plan that stops half-way has not all of them."""
    last = [config for config in apps.get_app_configs() if config.models_module is not None][-1]
    if app_config.name == last.name:
        keep_groups()
