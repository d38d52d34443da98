from django.urls import path

from accounts.passwords import views

urlpatterns = [
    path("auth/password/reset/", views.AskForResetView.as_view(), name="password-reset"),
    path("auth/password/reset/confirm/", views.ResetView.as_view(), name="password-reset-confirm"),
    path("auth/password/change/", views.ChangePasswordView.as_view(), name="password-change"),
    # An older address of the same view.
    path("users/password/forgot/", views.AskForResetView.as_view(schema=None)),
]
