"""Addresses of bulk actions: before those of one order, which would take ``bulk`` for its id."""

from django.urls import path

from orders.bulk import views

urlpatterns = [path("orders/bulk/", views.BulkView.as_view())]
