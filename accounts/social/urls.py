from django.urls import path

from accounts.social import views

urlpatterns = [
    path("auth/social/", views.SocialIdentitiesView.as_view(), name="social-identities"),
    path("auth/social/google/", views.GoogleLogInView.as_view(), name="social-google"),
    path("auth/social/facebook/", views.FacebookLogInView.as_view(), name="social-facebook"),
    path("auth/social/google/link/", views.GoogleLinkView.as_view(), name="social-google-link"),
    path("auth/social/facebook/link/", views.FacebookLinkView.as_view(), name="social-facebook-link"),
    path("auth/social/<uuid:identity_id>/", views.SocialIdentityView.as_view(), name="social-identity"),
    # Older addresses of the same views.
    path("users/google/exchange/", views.GoogleLogInView.as_view(schema=None)),
    path("users/facebook/exchange/", views.FacebookLogInView.as_view(schema=None)),
]
