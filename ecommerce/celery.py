"""The Celery application and the project's base task.

Celery is only the engine: whatever must happen has a row (``ecommerce.outbox``), and a lost message is sent
again from there.
"""

import logging
import os
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_ready
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")

logger = logging.getLogger(__name__)


class ShopTask(Task):  # type: ignore[type-arg]  # generic for the type checker only
    """A task whose publishing can never fail or block the request that queued it."""

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Publish after commit, once, and only log when the broker is away.

        Celery's own version raises into the view after the order is already committed. Use this for wake-ups
        and other work that a sweep would find anyway.
        """

        def publish() -> None:
            try:
                self.apply_async(args=args, kwargs=kwargs, retry=False)
            except Exception:  # noqa: BLE001 - whatever the broker client raises, the request has succeeded
                logger.warning("broker_unavailable", extra={"task": self.name})

        transaction.on_commit(publish, robust=True)


app = Celery("ecommerce", task_cls=ShopTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def _say_that_a_worker_is_here(**_: Any) -> None:
    """Make /readyz true at once instead of at beat's first tick."""
    from ecommerce.health import record_heartbeat

    record_heartbeat("worker")


@setup_logging.connect
def _use_the_shops_logging(**_: Any) -> None:
    """Keep Celery from replacing the JSON log set-up that Django has made."""
