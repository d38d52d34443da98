from django.urls import path

from accounts.privacy import views

urlpatterns = [
    path("users/export/", views.ExportView.as_view(), name="export"),
    path("users/erase/", views.EraseView.as_view(), name="erase"),
]
