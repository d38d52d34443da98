from rest_framework.routers import SimpleRouter

from orders import views
from orders.bulk.urls import urlpatterns as bulk_urls
from orders.cart_urls import urlpatterns as cart_urls
from orders.documents.urls import urlpatterns as document_urls
from orders.editing.urls import urlpatterns as editing_urls
from orders.exporting.urls import urlpatterns as export_urls
from orders.fulfilment.urls import urlpatterns as fulfilment_urls
from orders.gifts.urls import urlpatterns as gift_urls
from orders.guests.urls import urlpatterns as guest_urls
from orders.history.urls import urlpatterns as history_urls
from orders.promotions.urls import urlpatterns as promotion_urls
from orders.returns.urls import urlpatterns as returns_urls
from orders.sellers.urls import urlpatterns as seller_urls
from orders.shipping.urls import urlpatterns as shipping_urls

router = SimpleRouter()
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    *bulk_urls,
    *cart_urls,
    *gift_urls,
    *guest_urls,
    *promotion_urls,
    *seller_urls,
    *shipping_urls,
    *history_urls,
    *document_urls,
    *editing_urls,
    *export_urls,
    *fulfilment_urls,
    *returns_urls,
    *router.urls,
]
