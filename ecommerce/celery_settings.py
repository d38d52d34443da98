"""Settings of the broker and the workers, and what beat has them do when."""

from celery.schedules import crontab

from ecommerce.environment import env, required

REDIS_URL = required("REDIS_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_TIMEZONE = "Africa/Nairobi"
CELERY_TASK_ACKS_LATE = True  # an early acknowledgement loses the task of a killed worker
CELERY_TASK_REJECT_ON_WORKER_LOST = True  # else acks_late still loses it when only the child is killed
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # nobody sits on work that others could do
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,  # above the time limit, or running tasks are doubled
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 2,  # the default waits for ever
    "socket_connect_timeout": 1,
    "max_retries": 0,  # else publishing sleeps 2 s and 4 s before it says that the broker is away
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # the default gives up after 100
CELERY_TASK_IGNORE_RESULT = True  # results are rows; a result store is only another thing to trust
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = env.str("CELERY_TASK_DEFAULT_QUEUE", default="shop")
CELERY_BEAT_SCHEDULE = {
    "heartbeat": {"task": "ecommerce.record_heartbeat", "schedule": 10.0, "options": {"expires": 10}},
    # Not 5: while the queue is longer than that, no question would ever be asked. A tick too many finds nothing due.
    "query-due-attempts": {"task": "payments.query_due_attempts", "schedule": 5.0, "options": {"expires": 60}},
    "query-due-refunds": {"task": "payments.query_due_refunds", "schedule": 15.0, "options": {"expires": 15}},
    "query-due-payouts": {"task": "payments.query_due_payouts", "schedule": 15.0, "options": {"expires": 15}},
    "fetch-movements": {"task": "payments.fetch_movements", "schedule": 1800.0, "options": {"expires": 1800}},
    "ask-about-claims": {"task": "payments.ask_about_claims", "schedule": 60.0, "options": {"expires": 60}},
    "reconcile-due-days": {"task": "payments.reconcile_due_days", "schedule": 3600.0, "options": {"expires": 3600}},
    "book-due-sales": {"task": "payments.book_due_sales", "schedule": 60.0, "options": {"expires": 60}},
    "expire-gift-cards": {"task": "payments.expire_gift_cards", "schedule": 600.0, "options": {"expires": 600}},
    "cancel-unpaid-orders": {"task": "orders.cancel_unpaid_orders", "schedule": 30.0, "options": {"expires": 30}},
    "expire-holds": {"task": "bookings.expire_holds", "schedule": 60.0, "options": {"expires": 60}},
    "complete-past-stays": {"task": "bookings.complete_past", "schedule": 1800.0, "options": {"expires": 1800}},
    "expire-carts": {"task": "orders.expire_carts", "schedule": 3600.0, "options": {"expires": 3600}},
    "remind-of-carts": {"task": "orders.remind_of_carts", "schedule": 900.0, "options": {"expires": 900}},
    "tend-stock-notices": {"task": "catalog.tend_stock_notices", "schedule": 600.0, "options": {"expires": 600}},
    "sweep-imports": {"task": "catalog.sweep_imports", "schedule": 300.0, "options": {"expires": 300}},
    "tend-stock-alerts": {"task": "catalog.tend_stock_alerts", "schedule": 600.0, "options": {"expires": 600}},
    "sweep-images": {"task": "catalog.sweep_images", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget-old-changes": {"task": "catalog.forget_old_changes", "schedule": 3600.0, "options": {"expires": 3600}},
    "refresh-search": {"task": "catalog.refresh_search", "schedule": 3600.0, "options": {"expires": 3600}},
    "send-due-webhooks": {"task": "inbox.send_due_webhooks", "schedule": 10.0, "options": {"expires": 10}},
    "follow-products": {"task": "inbox.follow_products", "schedule": 30.0, "options": {"expires": 30}},
    "purge-served-of-inbox": {"task": "inbox.purge_served", "schedule": 3600.0, "options": {"expires": 3600}},
    # At night, and again where that was missed: whoever comes first does it.
    "check-invariants": {"task": "ecommerce.check_invariants", "schedule": crontab(minute="15", hour="1-5")},
    "clean-up-accounts": {"task": "accounts.clean_up", "schedule": 3600.0, "options": {"expires": 3600}},
    "owe-late-erasures": {"task": "accounts.owe_late_erasures", "schedule": 3600.0, "options": {"expires": 3600}},
    "purge-expired-rows": {"task": "ecommerce.purge_expired_rows", "schedule": 3600.0},
}
