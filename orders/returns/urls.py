from rest_framework.routers import SimpleRouter

from orders.returns import views

router = SimpleRouter()
router.register("returns", views.ReturnViewSet, basename="return")

urlpatterns = router.urls
