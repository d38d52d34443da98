from django.urls import path

from accounts.roles import views

urlpatterns = [
    path("users/roles/", views.RolesView.as_view(), name="roles"),
    path("users/<uuid:user_id>/roles/", views.UserRolesView.as_view(), name="user-roles"),
]
