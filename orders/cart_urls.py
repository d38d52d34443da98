from django.urls import path

from orders import cart_views
from orders.checkout import views as checkout_views
from orders.reminders.views import RemindersView, UnsubscribeView
from orders.saved_carts.views import RestoreCartView, SaveCartView, SavedCartsView, SavedCartView

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
    path("cart/checkout/shipping/", checkout_views.ShippingStepView.as_view(), name="checkout-shipping"),
    path("cart/checkout/payment/", checkout_views.PaymentStepView.as_view(), name="checkout-payment"),
    path("cart/checkout/confirm/", checkout_views.ConfirmView.as_view(), name="checkout-confirm"),
]
