"""Every operation that the OpenAPI document names."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator

from accounts.api_keys.scopes import wanted_scope

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, order=True)
class Operation:
    path: str
    method: str  # upper case

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def schema() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document


@cache
def operations() -> dict[Operation, dict[str, Any]]:
    """Return each operation with what the document says of it."""
    return {
        Operation(path, method.upper()): described
        for path, methods in schema()["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    }


def scope_of(operation: Operation) -> str:
    """Return the scope that a key needs, as the document says it; ``-`` where keys are refused."""
    for way_in in operations()[operation].get("security", []):
        for scope in way_in.get("apiKey", []):
            return str(scope)
    return "-"


def declared_scope(operation: Operation, url: str) -> str:
    """Return the scope that the view itself demands."""
    match = resolve(url.partition("?")[0])
    view = match.func.cls(**getattr(match.func, "initkwargs", {}))
    return wanted_scope(view, operation.method) or "-"


def parameters(path: str) -> list[str]:
    """Return the path up to each of its parameters, without their names: ``/api/orders/{}``."""
    bare = re.sub(r"{\w+}", "{}", path)
    return [bare[: match.end()] for match in re.finditer(r"{}", bare)]


def example(operation: Operation) -> Any:
    """Return the first example body of the document, or an empty one."""
    content = operations()[operation].get("requestBody", {}).get("content", {})
    for media in content.values():
        for given in media.get("examples", {}).values():
            return given.get("value", {})
    return {}
