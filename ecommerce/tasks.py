"""Work of the platform itself."""

from celery import shared_task

from ecommerce.outbox import owed_task


@shared_task(name="ecommerce.record_heartbeat")
def record_heartbeat() -> None:
    """Tell /readyz that beat and a worker are alive: beat sent this, a worker runs it."""
    from ecommerce.health import record_heartbeat as record

    record("worker")


@shared_task(name="ecommerce.purge_expired_rows")
def purge_expired_rows() -> None:
    from ecommerce.retention import purge_expired_rows as purge

    purge()


@shared_task(name="ecommerce.publish_events")
def publish_events() -> None:
    from ecommerce.events import publish_events as publish

    publish()


# One statement may take its two minutes; the whole must end before the broker thinks that it was lost.
@shared_task(name="ecommerce.check_invariants", soft_time_limit=270, time_limit=280)
def check_invariants() -> None:
    """Verify what must be true, once in a night however often beat asks."""
    from ecommerce.invariants import verify_nightly

    verify_nightly()


@owed_task("ecommerce.mail_broken_invariants", network=True)
def mail_broken_invariants(rows: list[list[str]], count: int, user_id: str, address: str) -> None:
    from ecommerce.invariants import mail_broken

    mail_broken(rows, count, user_id=user_id, address=address)
