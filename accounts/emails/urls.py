from django.urls import path

from accounts.emails import views

urlpatterns = [
    path("auth/email/change/", views.ChangeEmailView.as_view(), name="email-change"),
    path("auth/email/change/confirm/", views.ConfirmEmailChangeView.as_view(), name="email-change-confirm"),
]
