"""Addresses that begin alike are looked for together."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, include, path, re_path
from django.urls.exceptions import Resolver404

from ecommerce.routing import by_first_segment


def view(request):
    raise NotImplementedError


ROUTES = [
    path("orders/track/", view, name="track"),
    re_path(r"^orders/(?P<pk>[^/.]+)/$", view, name="order"),
    re_path(r"^orders/$", view, name="orders"),
    path("carts/<uuid:pk>/", view, name="cart"),
    path("", include([path("orders/late/", view, name="late"), path("cards/", view, name="cards")])),
    path("<str:anything>/", view, name="anything"),
]


@pytest.mark.parametrize(
    "address", ["orders/", "orders/track/", "orders/late/", "orders/7/", "cards/", "carts/7/", "other/", "orders/7/x/"]
)
def test_every_address_means_what_it_meant(address):
    def found(routes):
        try:
            match = URLResolver(get_resolver().pattern.__class__(r"^"), routes).resolve(address)
        except Resolver404:
            return None
        return match.url_name, match.kwargs

    assert found(by_first_segment(ROUTES)) == found(ROUTES)


def test_what_begins_alike_is_tried_once():
    grouped = by_first_segment(ROUTES)

    assert [str(route.pattern) for route in grouped] == ["orders/", "carts/", "cards/", "<str:anything>/"]
    assert [route.name for route in grouped[0].url_patterns] == ["track", "order", "orders", "late"]
    assert isinstance(grouped[-1], URLPattern)


def test_the_shop_has_no_route_beside_the_groups():
    api = next(
        route
        for route in get_resolver().url_patterns
        if str(route.pattern) == "api/" and hasattr(route, "url_patterns")
    )

    assert [str(route.pattern) for route in api.url_patterns if isinstance(route, URLPattern)] == []
