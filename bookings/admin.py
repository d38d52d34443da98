"""Listings and bookings, as shop staff see them. What staff change, they change over the API."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from bookings.models import Booking, Listing
from ecommerce.admin_base import EMPTY, ReadOnlyAdmin, Table, badge, column, link_to, money, table

LOOKS = {
    Booking.Status.PENDING: "warning",
    Booking.Status.CONFIRMED: "info",
    Booking.Status.COMPLETED: "success",
    Booking.Status.CANCELLED: "",
}
_MOST = 50  # rows of a table on a listing's page


def state_of(booking: Booking) -> str:
    return badge(booking.get_status_display(), LOOKS[Booking.Status(booking.status)])


@admin.register(Listing)
class ListingAdmin(ReadOnlyAdmin):
    """Where a place is and on which terms it is let. What it is called and costs is on its product's page."""

    list_display = ("name", "host", "county", "town", "night", "capacity", "is_shown")
    list_filter = ("is_shown", "county", "cancellation_policy")
    list_select_related = ("product__seller",)
    search_fields = ("product__product_name", "product__url_key", "town")
    ordering = ("-product_id",)
    fieldsets = (
        (None, {"fields": (("product_link", "host", "is_shown"), ("night", "capacity", "max_guests"))}),
        ("Place", {"fields": (("county", "town"), ("latitude", "longitude"))}),
        (
            "Terms",
            {
                "fields": (
                    ("check_in", "check_out", "minimum_stay"),
                    ("cancellation_policy", "amenities"),
                    "house_rules",
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        rows: QuerySet[Listing] = super().get_queryset(request)
        return rows.defer("product__search_vector", "product__description", "product__attributes")

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        bookings = obj.bookings.filter(status__in=Booking.ACTIVE).order_by("dates")[:_MOST]
        blocked = obj.blocked_dates.order_by("dates")[:_MOST]
        seasons = obj.seasonal_prices.order_by("dates")
        return [
            table(
                "Stays to come",
                ["From", "To", "Guests", "Units", "State", "Total"],
                [
                    [
                        link_to(each, str(each.start_date)),
                        each.end_date,
                        each.guests,
                        each.units,
                        state_of(each),
                        money(each.total, each.currency),
                    ]
                    for each in bookings
                ],
            ),
            table(
                "Blocked dates",
                ["From", "To", "Units", "By"],
                [[each.dates.lower, each.dates.upper, each.units or "all", each.source] for each in blocked],
            ),
            table(
                "Seasonal prices",
                ["From", "To", "A night"],
                [[each.dates.lower, each.dates.upper, money(each.price, obj.product.currency)] for each in seasons],
            ),
        ]

    @column("Listing", ordering="product__product_name")
    def name(self, listing: Listing) -> str:
        return listing.product.product_name

    @column("Product")
    def product_link(self, listing: Listing) -> str:
        return link_to(listing.product)

    @column("Host")
    def host(self, listing: Listing) -> str:
        return link_to(listing.product.seller) if listing.product.seller else "The shop"

    @column("A night", ordering="price")
    def night(self, listing: Listing) -> str:
        return money(listing.price, listing.product.currency)


@admin.register(Booking)
class BookingAdmin(ReadOnlyAdmin):
    list_display = ("stay", "listing_link", "guest", "guests", "state", "amount", "created_at")
    list_filter = ("status", "ended_by", "created_at")
    list_select_related = ("listing__product", "user")
    search_fields = ("user__email", "listing__product__product_name", "order_item_id")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": (("stay", "state", "expires_at"), ("listing_link", "guest"), ("guests", "units"))}),
        ("Money", {"fields": (("amount", "cancellation_policy", "refund"), "order_item_id")}),
        ("Times", {"fields": (("created_at", "confirmed_at"), ("ended_at", "ended_by", "ended_by_user"))}),
    )

    def tables(self, request: HttpRequest, obj: Any) -> list[Table]:
        return [table("Nights", ["Night", "A unit"], [[each["date"], each["price"]] for each in obj.nights])]

    @column("Stay", ordering="dates")
    def stay(self, booking: Booking) -> str:
        return f"{booking.start_date} – {booking.end_date}"

    @column("Listing")
    def listing_link(self, booking: Booking) -> str:
        return link_to(booking.listing)

    @column("Guest")
    def guest(self, booking: Booking) -> str:
        return link_to(booking.user) if booking.user else EMPTY

    @column("State", ordering="status")
    def state(self, booking: Booking) -> str:
        return state_of(booking)

    @column("Total", ordering="total")
    def amount(self, booking: Booking) -> str:
        return money(booking.total, booking.currency)

    @column("Given back")
    def refund(self, booking: Booking) -> str:
        return money(booking.refund_amount, booking.currency)
