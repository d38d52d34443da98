from rest_framework.routers import SimpleRouter

from orders import views
from orders.cart_urls import urlpatterns as cart_urls
from orders.fulfilment.urls import urlpatterns as fulfilment_urls
from orders.returns.urls import urlpatterns as returns_urls
from orders.reminders.views import RemindersView, UnsubscribeView
from orders.saved_carts.views import RestoreCartView, SaveCartView, SavedCartsView, SavedCartView
from orders.guests.urls import urlpatterns as guest_urls
from orders.shipping.urls import urlpatterns as shipping_urls

router = SimpleRouter()
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    path("cart/", cart_views.CartView.as_view(), name="cart"),
    path("cart/items/", cart_views.CartItemsView.as_view(), name="cart-items"),
    path("cart/items/<uuid:item_id>/", cart_views.CartItemView.as_view(), name="cart-item"),
    path("cart/save/", SaveCartView.as_view(), name="cart-save"),
    path("cart/saved/", SavedCartsView.as_view(), name="saved-carts"),
    path("cart/saved/<uuid:pk>/", SavedCartView.as_view(), name="saved-cart"),
    path("cart/saved/<uuid:pk>/restore/", RestoreCartView.as_view(), name="saved-cart-restore"),
    path("cart/reminders/", RemindersView.as_view(), name="cart-reminders"),
    path("cart/reminders/unsubscribe/<str:token>/", UnsubscribeView.as_view(), name="cart-reminders-unsubscribe"),
    path("cart/checkout/confirm/", cart_views.CheckoutConfirmView.as_view(), name="checkout-confirm"),
    *returns_urls,
    *cart_urls,
    *guest_urls,
    *shipping_urls,
    *fulfilment_urls,
    *router.urls,
]
