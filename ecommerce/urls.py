"""Every address of the shop."""

from importlib import import_module

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from ecommerce import docs, views
from ecommerce.environment import PRODUCTION
from ecommerce.routing import by_first_segment

_OF_THE_APPS = [
    route
    for app in ("accounts", "catalog", "bookings", "orders", "payments", "inbox")
    for route in import_module(f"{app}.urls").urlpatterns
]

urlpatterns = [
    # Somebody who opens the bare address wants to know what is here.
    path("", RedirectView.as_view(pattern_name="docs")),
    path("api/", RedirectView.as_view(pattern_name="docs")),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("admin/", include("accounts.second_factor.admin_urls")),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", docs.SwaggerView.as_view(url_name="schema"), name="docs"),
    path("swagger/", docs.SwaggerView.as_view(url_name="schema")),
    path("api/redoc/", docs.RedocView.as_view(url_name="schema", template_name="docs/redoc.html"), name="redoc"),
    path("api/", include(by_first_segment(_OF_THE_APPS))),
]

if not PRODUCTION:  # there nginx serves them, or the bucket
    urlpatterns.append(path("media/<path:path>", views.media))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.not_found
handler500 = views.server_error
