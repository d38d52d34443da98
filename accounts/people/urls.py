from django.urls import path

from accounts.people import views

urlpatterns = [
    path("users/all/", views.PeopleView.as_view(), name="people"),
    path("users/audit/", views.TrailView.as_view(), name="audit"),
    path("users/<uuid:pk>/", views.PersonView.as_view(), name="person"),
    # An older address of the same view.
    path("users/", views.PeopleView.as_view(schema=None)),
]
