from django.urls import path

from accounts.second_factor import views

urlpatterns = [
    path("auth/2fa/", views.StateView.as_view(), name="second-factor"),
    path("auth/2fa/begin/", views.BeginView.as_view(), name="second-factor-begin"),
    path("auth/2fa/confirm/", views.ConfirmView.as_view(), name="second-factor-confirm"),
    path("auth/2fa/disable/", views.DisableView.as_view(), name="second-factor-disable"),
    path("auth/2fa/recovery-codes/", views.RecoveryCodesView.as_view(), name="second-factor-recovery-codes"),
    path("auth/2fa/verify/", views.VerifyView.as_view(), name="second-factor-verify"),
]
