"""How the ways in look in the OpenAPI document. Imported by the app's ``ready``."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.api_keys.scopes import wanted_scope


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.AccessTokenAuthentication"
    name = "jwt"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access` token that `POST /api/auth/login/` returns.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "The admin's session."}


class OpaqueTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.opaque_tokens.authentication.OpaqueTokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token`, a space, and the 40 characters that `POST /api/auth/token/` shows once.",
        }


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Named only where keys are taken, with the scope that the operation needs."""

    target_class = "accounts.api_keys.authentication.ApiKeyAuthentication"
    name = "apiKey"
    priority = 1

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]] | list[dict[str, list[Any]]]:
        scope = wanted_scope(auto_schema.view, auto_schema.method)
        return {self.name: [scope.value]} if scope else []

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "A key of `POST /api/auth/api-keys/` with the scope that is named beside it.",
        }
