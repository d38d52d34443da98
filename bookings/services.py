"""Bookings: holding dates, confirming them, giving them back.

Orders call these inside their own transactions, as they call ``catalog.stock``. The rows of listings are locked first
(``bookings.calendars``), then those of bookings by id; both come after the rows of orders and of stock.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from psycopg2.extras import DateRange

from accounts.models import User
from bookings import calendars, hooks, policies
from bookings.exceptions import BookingGone, DatesTaken, InvalidBookingTransition, ListingUnavailable, StayRefused
from bookings.models import Booking, Listing, Occupancy
from bookings.pricing import price_stay, seasons_of
from bookings.rules import is_own, local_today, refusals
from ecommerce.exceptions import ErrorRow
from ecommerce.transactions import joined

BATCH = 200  # rows that a sweep takes at a time


@dataclass(frozen=True)
class Stay:
    """A stay that an order's line asks for; ``attr`` is where the request names it."""

    listing_id: UUID
    start: date
    end: date
    guests: int
    order_item_id: UUID
    units: int = 1
    attr: str = "items.0"


@dataclass(frozen=True)
class Cancelled:
    """A booking that was cancelled, and how much of its total its guest gets back."""

    booking: Booking
    refund: Decimal


@joined
def hold(stays: Sequence[Stay], *, user: User | None, expires_at: datetime) -> list[Booking]:
    """Take the dates of stays until a moment, at today's prices; return the pending bookings in the same order.

    The caller's transaction must end with what this raises.

    Raises:
        ListingUnavailable: names each listing that is unknown or not to let.
        StayRefused: names each stay that its listing does not take, and why.
        DatesTaken: names each stay some of whose nights are taken, by another one of these stays perhaps.
    """
    listings = calendars.lock_listings(stay.listing_id for stay in stays)
    unknown = [stay for stay in stays if stay.listing_id not in listings or not listings[stay.listing_id].is_shown]
    if unknown:
        raise ListingUnavailable([_row(ListingUnavailable, stay) for stay in unknown])
    if refused := [row for stay in stays for row in _refusals(listings[stay.listing_id], stay, user)]:
        raise StayRefused(refused)
    first, last = min(stay.start for stay in stays), max(stay.end for stay in stays)
    seasons = seasons_of(listings, first, last)
    made: list[Booking] = []
    taken: list[ErrorRow] = []
    for stay in stays:
        listing = listings[stay.listing_id]
        if min(calendars.free_units(listing, stay.start, stay.end).values()) < stay.units:
            taken.append(_row(DatesTaken, stay))
            continue
        price = price_stay(listing, stay.start, stay.end, units=stay.units, seasons=seasons.get(listing.pk, []))
        booking = Booking.objects.create(
            listing=listing,
            user=user,
            dates=DateRange(stay.start, stay.end),
            guests=stay.guests,
            units=stay.units,
            expires_at=expires_at,
            order_item_id=stay.order_item_id,
            nights=price.as_json,
            total=price.total,
            currency=listing.product.currency,
            cancellation_policy=listing.cancellation_policy,
            check_in=listing.check_in,
            check_out=listing.check_out,
        )
        calendars.occupy(listing, stay.start, stay.end, stay.units, booking=booking)
        made.append(booking)
    if taken:
        raise DatesTaken(taken)
    return made


@joined
def extend(order_item_ids: Collection[UUID], *, expires_at: datetime) -> None:
    """Hold dates longer: never shorter than before. What is confirmed stays as it is.

    Raises:
        BookingGone: a hold is over already, and its dates may be somebody else's; nothing is changed.
    """
    for booking in _locked(Booking.objects.filter(order_item_id__in=order_item_ids)):
        if booking.status not in Booking.ACTIVE:
            raise BookingGone()
        if booking.status == Booking.Status.PENDING and booking.expires_at and booking.expires_at < expires_at:
            booking.expires_at = expires_at
            booking.save(update_fields=["expires_at", "updated_at"])


@joined
def confirm(order_item_ids: Collection[UUID]) -> list[Booking]:
    """Make held dates a booking, since they are paid for; a repeat changes nothing.

    A hold that is over, and that nobody has released yet, still counts.

    Raises:
        BookingGone: it was released or cancelled; nothing is changed. ``hold`` may take the dates again.
    """
    bookings = _locked(Booking.objects.filter(order_item_id__in=order_item_ids))
    if any(booking.status == Booking.Status.CANCELLED for booking in bookings):
        raise BookingGone()
    for booking in bookings:
        if booking.status == Booking.Status.PENDING:
            booking.confirmed_at = timezone.now()
            booking.expires_at = None
            _move(booking, Booking.Status.CONFIRMED, "confirmed_at", "expires_at")
    return bookings


@joined
def release(
    order_item_ids: Collection[UUID],
    *,
    ended_by: Booking.EndedBy = Booking.EndedBy.ORDER,
    actor: User | None = None,
) -> None:
    """Give held dates back; a repeat changes nothing, and what is confirmed stays: that is ``cancel``'s."""
    held = Booking.objects.filter(order_item_id__in=order_item_ids)
    ids = held.filter(status=Booking.Status.PENDING).values_list("listing_id", flat=True)
    calendars.lock_listings(list(ids))
    for booking in _locked(held):
        if booking.status == Booking.Status.PENDING:
            _end(booking, ended_by, actor)


@joined
def cancel(booking_id: UUID, *, by: Booking.EndedBy, actor: User | None = None) -> Cancelled:
    """Cancel a confirmed booking, give its dates back, and say how much its guest gets back by its policy.

    The money is the caller's to give, in the same transaction.

    Raises:
        Booking.DoesNotExist: there is none.
        InvalidBookingTransition: it is not confirmed, or not any more.
    """
    calendars.lock_listings([Booking.objects.values_list("listing_id", flat=True).get(pk=booking_id)])
    [booking] = _locked(Booking.objects.filter(pk=booking_id))
    if booking.status != Booking.Status.CONFIRMED:
        raise _invalid(booking)
    refund = policies.refund_for(booking, at=timezone.now(), by_guest=by == Booking.EndedBy.GUEST)
    booking.refund_amount = refund
    _end(booking, by, actor, "refund_amount")
    return Cancelled(booking, refund)


def expire_holds() -> int:
    """Release holds whose time is over, but for those whose money may still come; return how many were released."""
    return _sweep(Booking.objects.filter(status=Booking.Status.PENDING, expires_at__lte=Now()), _expire)


def complete_past() -> int:
    """Complete the confirmed bookings whose guests have left, and forget the nights that are past."""
    past = Booking.objects.filter(status=Booking.Status.CONFIRMED, dates__endswith__lte=local_today())
    done = _sweep(past, _complete)
    with transaction.atomic():
        calendars.forget_past(local_today())
    return done


def _expire(ids: list[UUID]) -> int:
    rows = Booking.objects.filter(pk__in=ids).values_list("listing_id", "order_item_id")
    calendars.lock_listings([listing_id for listing_id, _ in rows])
    items = {order_item_id for _, order_item_id in rows}
    kept = {order_item_id for hook in hooks.awaited for order_item_id in hook(items)}
    over = Booking.objects.filter(pk__in=ids, status=Booking.Status.PENDING, expires_at__lte=Now())
    expired = _locked(over.exclude(order_item_id__in=kept))
    for booking in expired:
        _end(booking, Booking.EndedBy.TIME, None)
    return len(expired)


def _complete(ids: list[UUID]) -> int:
    left = _locked(Booking.objects.filter(pk__in=ids, status=Booking.Status.CONFIRMED))
    for booking in left:
        booking.ended_at = timezone.now()
        _move(booking, Booking.Status.COMPLETED, "ended_at")
    Occupancy.objects.filter(booking__in=left).delete()  # their nights are past: nothing is to be counted back
    return len(left)


def _sweep(rows: QuerySet[Booking], work: Callable[[list[UUID]], int]) -> int:
    """Do work on rows batch by batch, each in a transaction of its own, and once on each row."""
    done, ids = 0, list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            done += work(ids[start : start + BATCH])
    return done


def _locked(bookings: QuerySet[Booking]) -> list[Booking]:
    return list(bookings.select_for_update(of=("self",), no_key=True).order_by("pk"))


def _end(booking: Booking, ended_by: Booking.EndedBy, actor: User | None, *more: str) -> None:
    """Cancel a booking whose listing is locked, and give its dates back."""
    booking.ended_at = timezone.now()
    booking.ended_by = ended_by
    booking.ended_by_user = actor
    _move(booking, Booking.Status.CANCELLED, "ended_at", "ended_by", "ended_by_user", *more)
    calendars.vacate(Occupancy.objects.filter(booking=booking))


def _move(booking: Booking, target: Booking.Status, *changed: str) -> None:
    if target not in Booking.TRANSITIONS[booking.status]:
        raise _invalid(booking)
    booking.status = target
    booking.save(update_fields=["status", *changed, "updated_at"])


def _invalid(booking: Booking) -> InvalidBookingTransition:
    return InvalidBookingTransition(allowed=sorted(Booking.TRANSITIONS[booking.status]))


def _refusals(listing: Listing, stay: Stay, user: User | None) -> Iterable[ErrorRow]:
    if is_own(listing, user):
        yield ErrorRow("own_listing", "This is your own listing. Block its dates instead.", stay.attr)
    yield from refusals(listing, stay.start, stay.end, guests=stay.guests, units=stay.units, attr=stay.attr)


def _row(refusal: type[DatesTaken] | type[ListingUnavailable], stay: Stay) -> ErrorRow:
    return ErrorRow(refusal.code, refusal.message, stay.attr)
