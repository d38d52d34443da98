"""What must be true of the platform's own rows."""

from ecommerce.checking import Check

CHECKS = (
    Check(
        "owed work is done, or given up, or known to fail",
        # Nobody publishes it; or it was published again and again, with pauses that double from 30 s, in vain.
        """
        SELECT 'message ' || id || ' (' || topic || ') is open since ' || created_at
        FROM ecommerce_outboxmessage
        WHERE done_at IS NULL AND dead_at IS NULL AND (
            next_attempt_at < now() - interval '15 minutes'
            OR (created_at < now() - interval '15 minutes' AND last_error = ''
                AND next_attempt_at - sent_at > interval '3 minutes')
        )
        """,
    ),
    Check(
        "events are told, or known to fail",
        """
        SELECT 'event ' || id || ' (' || kind || ') is untold since ' || created_at
        FROM ecommerce_event AS e
        WHERE published_at IS NULL AND attempts = 0 AND created_at < now() - interval '15 minutes'
            AND NOT EXISTS (
                SELECT 1 FROM ecommerce_event AS before
                WHERE before.published_at IS NULL AND before.object_id = e.object_id AND before.attempts > 0
            )
        """,
    ),
    Check(
        "every key has the answer of its one effect",
        """
        SELECT 'key ' || id || ' of ' || operation || ' has no answer'
        FROM ecommerce_idempotencykey WHERE status_code IS NULL OR body IS NULL
        """,
    ),
)
