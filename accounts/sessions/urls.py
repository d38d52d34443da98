from django.urls import path

from accounts.sessions import views

urlpatterns = [
    path("auth/sessions/", views.SessionsView.as_view(), name="sessions"),
    path("auth/sessions/<uuid:log_in_id>/", views.SessionView.as_view(), name="session"),
]
