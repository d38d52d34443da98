"""Addresses of edits."""

from django.urls import path

from orders.editing import views

urlpatterns = [path("orders/<uuid:order_id>/edits/", views.OrderEditsView.as_view())]
