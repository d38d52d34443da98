from django.urls import include, path

from accounts import views
from accounts.addresses.urls import urlpatterns as address_urls
from accounts.people.urls import urlpatterns as people_urls
from accounts.privacy.urls import urlpatterns as privacy_urls
from accounts.profiles.urls import urlpatterns as profile_urls
from accounts.sellers.urls import urlpatterns as seller_urls

urlpatterns = [
    path("auth/register/", views.RegisterView.as_view(), name="register"),
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/refresh/", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/email/verify/", views.VerifyEmailView.as_view(), name="email-verify"),
    path("auth/email/resend/", views.ResendVerificationView.as_view(), name="email-resend"),
    path("", include("accounts.api_keys.urls")),
    path("", include("accounts.opaque_tokens.urls")),
    path("", include("accounts.sessions.urls")),
    path("", include("accounts.roles.urls")),
    path("", include("accounts.otp.urls")),
    path("", include("accounts.passwords.urls")),
    path("", include("accounts.emails.urls")),
    path("", include("accounts.second_factor.urls")),
    path("", include("accounts.social.urls")),
    *profile_urls,
    *address_urls,
    *privacy_urls,
    *people_urls,
    *seller_urls,
]

# Older addresses of the same views.
aliases = [
    path("register/", views.RegisterView.as_view(schema=None)),
    path("users/register/", views.RegisterView.as_view(schema=None)),
    path("token/", views.LoginView.as_view(schema=None)),
    path("token/refresh/", views.RefreshView.as_view(schema=None)),
]

urlpatterns += aliases
