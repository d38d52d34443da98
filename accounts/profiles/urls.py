from django.urls import path

from accounts.profiles import views

urlpatterns = [
    path("users/profile/", views.ProfileView.as_view(), name="profile"),
    path("users/profile/avatar/", views.AvatarView.as_view(), name="avatar"),
    path("users/consents/", views.ConsentsView.as_view(), name="consents"),
]
