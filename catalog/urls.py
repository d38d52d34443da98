from rest_framework.routers import SimpleRouter

from catalog import views
from catalog.currencies.views import CurrencyViewSet

router = SimpleRouter()
router.register("products", views.ProductViewSet, basename="product")
router.register("categories", views.CategoryViewSet, basename="category")
router.register("brands", views.BrandViewSet, basename="brand")
router.register("currencies", CurrencyViewSet, basename="currency")

urlpatterns = router.urls
