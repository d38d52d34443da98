from rest_framework.routers import SimpleRouter

from accounts.api_keys import views

router = SimpleRouter()
router.register("auth/api-keys", views.ApiKeyViewSet, basename="api-key")

urlpatterns = router.urls
