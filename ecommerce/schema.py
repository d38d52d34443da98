"""OpenAPI: one error shape, tags by app."""

from typing import Any

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated, IsAuthenticatedOrReadOnly

_WRITES = ("POST", "PUT", "PATCH", "DELETE")


class ErrorRowSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="For programs; never changes.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The field's path, such as `items.0.quantity`.")


class ErrorSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = ErrorRowSerializer(many=True)  # type: ignore[assignment]  # declared fields are taken off the class


class AutoSchema(SpectacularAutoSchema):
    """Tag each operation by its app, and document the refusals it can give."""

    def get_tags(self) -> list[str]:
        tag = getattr(self.view, "schema_tag", None)
        return [tag] if tag else super().get_tags()

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._refusals():
            if code not in bodies:
                bodies[code] = self._get_response_for_code(ErrorSerializer, code)  # type: ignore[no-untyped-call]
        return bodies

    def _action(self) -> str:
        return getattr(self.view, "action", None) or ""

    def _refusals(self) -> list[str]:
        writes = self.method in _WRITES
        permissions = self.view.permission_classes
        public_reads = IsAuthenticatedOrReadOnly in permissions or getattr(self.view, "public_reads", False)
        public_actions = getattr(self.view, "public_actions", ())
        public = AllowAny in permissions or (public_reads and not writes) or self._action() in public_actions
        codes = ["400"] if writes or self._is_list_view() else []
        codes += [] if public else ["401"]
        demands_rights = not any(isinstance(each, type) and issubclass(each, IsAuthenticated) for each in permissions)
        codes += ["403"] if demands_rights and not public else []
        codes += ["404"] if "{" in self.path else []
        codes += ["409"] if writes else []
        return [*codes, "429"]
