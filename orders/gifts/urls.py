from django.urls import path

from orders.gifts import views

urlpatterns = [
    path(
        "orders/<uuid:order_id>/items/<uuid:item_id>/recipient/",
        views.GiftRecipientView.as_view(),
        name="gift-recipient",
    ),
]
