"""Work of the platform itself."""

from celery import shared_task


@shared_task(name="ecommerce.record_heartbeat")
def record_heartbeat() -> None:
    """Tell /readyz that beat and a worker are alive: beat sent this, a worker runs it."""
    from ecommerce.health import record_heartbeat as record

    record("worker")


@shared_task(name="ecommerce.purge_expired_rows")
def purge_expired_rows() -> None:
    from ecommerce.retention import purge_expired_rows as purge

    purge()
