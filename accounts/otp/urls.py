from django.urls import path

from accounts.otp import views

urlpatterns = [
    path("auth/otp/", views.AskForCodeView.as_view(), name="otp"),
    path("auth/otp/verify/", views.CodeLoginView.as_view(), name="otp-verify"),
    path("users/phone/", views.AskToConfirmPhoneView.as_view(), name="phone"),
    path("users/phone/verify/", views.ConfirmPhoneView.as_view(), name="phone-verify"),
]
