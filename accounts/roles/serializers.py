from typing import Any

from rest_framework import serializers

from accounts.models import User
from accounts.roles.selectors import ROLE_NAMES, own_groups_of, roles_of


class RolesSerializer(serializers.Serializer[Any]):
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLE_NAMES), max_length=len(ROLE_NAMES))


class UserRolesSerializer(serializers.ModelSerializer[User]):
    roles = serializers.SerializerMethodField()
    own_groups = serializers.SerializerMethodField(help_text="Groups that the shop made itself; given in the admin.")

    class Meta:
        model = User
        fields = ("id", "roles", "own_groups", "is_staff", "is_superuser", "is_active")
        read_only_fields = fields

    def get_roles(self, user: User) -> list[str]:
        return roles_of(user)

    def get_own_groups(self, user: User) -> list[str]:
        return own_groups_of(user)


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.CharField()
    name = serializers.CharField(help_text="That of its group in the admin.")
    permissions = serializers.ListField(child=serializers.CharField())
