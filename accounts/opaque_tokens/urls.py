from django.urls import path

from accounts.opaque_tokens import views

urlpatterns = [path("auth/token/", views.OpaqueTokenView.as_view(), name="opaque-token")]
