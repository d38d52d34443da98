from django.urls import path
from rest_framework.routers import SimpleRouter

from bookings.blocked.views import BlockedDatesViewSet
from bookings.booked.views import BookingViewSet
from bookings.ical.views import CalendarView, CalendarViewSet, ImportCalendarViewSet
from bookings.listings.views import ListingViewSet

router = SimpleRouter()
router.register("listings", ListingViewSet, basename="listing")
router.register("bookings", BookingViewSet, basename="booking")

urlpatterns = [
    *router.urls,
    path("calendars/<str:token>/", CalendarView.as_view({"get": "retrieve"})),
    path("listings/<uuid:listing_id>/calendar/", CalendarViewSet.as_view({"get": "retrieve", "post": "renew"})),
    path("listings/<uuid:listing_id>/calendar/import/", ImportCalendarViewSet.as_view({"post": "create"})),
    path("listings/<uuid:listing_id>/blocked-dates/", BlockedDatesViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "listings/<uuid:listing_id>/blocked-dates/<uuid:pk>/",
        BlockedDatesViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
]
