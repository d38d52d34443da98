"""Addresses of exports: before those of one order, which would take ``export`` for its id."""

from django.urls import path

from orders.exporting import views

urlpatterns = [path("orders/export/", views.OrderExportView.as_view())]
