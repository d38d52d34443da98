"""Background work of bookings."""

from celery import shared_task


@shared_task(name="bookings.expire_holds")
def expire_holds() -> None:
    from bookings.services import expire_holds as expire

    expire()


@shared_task(name="bookings.complete_past")
def complete_past() -> None:
    from bookings.services import complete_past as complete

    complete()
