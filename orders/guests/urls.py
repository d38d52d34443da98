from django.urls import path

from orders.guests import views

urlpatterns = [
    path("orders/claim/", views.ClaimView.as_view(), name="order-claim"),
]
