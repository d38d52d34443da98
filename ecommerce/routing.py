"""Finding the view of an address among many."""

import re
from collections.abc import Iterable, Iterator, Sequence

from django.urls import URLPattern, URLResolver, include, path, re_path
from django.urls.resolvers import RegexPattern, RoutePattern

Route = URLPattern | URLResolver

_ROUTE = re.compile(r"([a-z0-9-]+/)(.*)", re.DOTALL)
_REGEX = re.compile(r"\^([a-z0-9-]+/)(.*)", re.DOTALL)


def by_first_segment(routes: Iterable[Route]) -> Sequence[Route]:
    """Return the same addresses, with those that begin alike together: ``orders/`` once, and under it what follows.

    Django tries one route after the other, and the shop has some hundreds. Two routes with the same beginning keep
    their order; what begins with a parameter, or includes others, stays as it is, after the rest.
    """
    groups: dict[str, list[Route]] = {}
    rest: list[Route] = []
    for route in _flat(routes):
        divided = _divided(route)
        if divided is None:
            rest.append(route)
        else:
            groups.setdefault(divided[0], []).append(divided[1])
    return [*(path(segment, include(routes)) for segment, routes in groups.items()), *rest]


def _flat(routes: Iterable[Route]) -> Iterator[Route]:
    for route in routes:
        if isinstance(route, URLResolver) and not str(route.pattern) and not route.namespace:
            yield from _flat(route.url_patterns)
        else:
            yield route


def _divided(route: Route) -> tuple[str, URLPattern] | None:
    if not isinstance(route, URLPattern):
        return None
    if isinstance(route.pattern, RoutePattern) and (found := _ROUTE.fullmatch(str(route.pattern))):
        return found[1], path(found[2], route.callback, route.default_args, route.name)
    if isinstance(route.pattern, RegexPattern) and (found := _REGEX.fullmatch(str(route.pattern))):
        return found[1], re_path(f"^{found[2]}", route.callback, route.default_args, route.name)
    return None
