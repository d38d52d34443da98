from django.urls import path
from rest_framework.routers import SimpleRouter

from orders import cart_views, views
from orders.fulfilment.urls import urlpatterns as fulfilment_urls
from orders.returns.urls import urlpatterns as returns_urls
from orders.shipping.urls import urlpatterns as shipping_urls

router = SimpleRouter()
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    path("cart/", cart_views.CartView.as_view(), name="cart"),
    path("cart/items/", cart_views.CartItemsView.as_view(), name="cart-items"),
    path("cart/items/<uuid:item_id>/", cart_views.CartItemView.as_view(), name="cart-item"),
    path("cart/checkout/confirm/", cart_views.CheckoutConfirmView.as_view(), name="checkout-confirm"),
    *returns_urls,
    *shipping_urls,
    *fulfilment_urls,
    *router.urls,
]
