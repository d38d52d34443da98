from rest_framework.routers import SimpleRouter

from accounts.addresses.views import AddressViewSet

router = SimpleRouter(use_regex_path=False)
router.register("users/addresses", AddressViewSet, basename="address")

urlpatterns = router.urls
