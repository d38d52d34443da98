from django.urls import path
from rest_framework.routers import SimpleRouter

from inbox.webhooks import views

router = SimpleRouter(use_regex_path=False)
router.register("webhooks", views.WebhookViewSet, basename="webhook")
router.register("webhooks/<uuid:webhook_id>/deliveries", views.DeliveryViewSet, basename="webhook-delivery")

urlpatterns = [path("webhooks/events/", views.CatalogueView.as_view(), name="webhook-events"), *router.urls]
