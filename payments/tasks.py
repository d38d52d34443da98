"""Background work of payments."""

from uuid import UUID

from celery import shared_task

from ecommerce.outbox import owed_task


@owed_task("payments.send_attempt", network=True)
def send_attempt(attempt_id: str) -> None:
    from payments.sending import send_attempt as send

    send(UUID(attempt_id))


@owed_task("payments.close_attempt", network=True)
def close_attempt(attempt_id: str) -> None:
    from payments.queries import close_attempt as close

    close(UUID(attempt_id))


@owed_task("payments.send_refund", network=True)
def send_refund(refund_id: str) -> None:
    from payments.refunds import send_refund as send

    send(UUID(refund_id))


@owed_task("payments.send_payout", network=True)
def send_payout(payout_id: str) -> None:
    from payments.payouts import send_payout as send

    send(UUID(payout_id))


@owed_task("payments.handle_provider_event", network=True)
def handle_provider_event(event_id: str) -> None:
    from payments.inbox import handle_event

    handle_event(UUID(event_id))


@owed_task("payments.send_gift_card", network=True)
def send_gift_card(card_id: str) -> None:
    from payments.credit.notifications import send_gift_card as send

    send(UUID(card_id))


@owed_task("payments.issue_sold_cards")
def issue_sold_cards(order_id: str) -> None:
    from payments.credit.sold import issue_sold_cards as issue

    issue(UUID(order_id))


@shared_task(name="payments.book_due_sales")
def book_due_sales() -> None:
    from payments.sellers.services import book_due_sales as book

    book()


@shared_task(name="payments.expire_gift_cards")
def expire_gift_cards() -> None:
    from payments.credit.issuing import expire_gift_cards as expire

    expire()


@shared_task(name="payments.query_due_attempts")
def query_due_attempts() -> None:
    from payments.queries import query_due_attempts as query

    query()


@shared_task(name="payments.query_attempt")
def query_attempt(attempt_id: str) -> None:
    from payments.queries import query_attempt as query

    query(UUID(attempt_id))


@shared_task(name="payments.query_due_refunds")
def query_due_refunds() -> None:
    from payments.refunds import query_due_refunds as query

    query()


@shared_task(name="payments.query_refund")
def query_refund(refund_id: str) -> None:
    from payments.refunds import query_refund as query

    query(UUID(refund_id))


@shared_task(name="payments.query_due_payouts")
def query_due_payouts() -> None:
    from payments.payouts import query_due_payouts as query

    query()


@shared_task(name="payments.query_payout")
def query_payout(payout_id: str) -> None:
    from payments.payouts import query_payout as query

    query(UUID(payout_id))


@owed_task("payments.record_statement", network=True)
def record_statement(statement_id: str) -> None:
    from payments.statements import record_statement as record

    record(UUID(statement_id))


@owed_task("payments.reconcile_statement", network=True)
def reconcile_statement(statement_id: str) -> None:
    from payments.reconciliation import reconcile_statement as reconcile

    reconcile(UUID(statement_id))


@shared_task(name="payments.fetch_movements")
def fetch_movements() -> None:
    """Ask each provider for its list, in a task of its own: one that hangs must not keep the others waiting."""
    from payments.movements import providers_with_lists
    from payments.statements import owe_open_lines

    owe_open_lines()
    for name in providers_with_lists():
        fetch_movements_of.delay(name)


@shared_task(name="payments.fetch_movements_of")
def fetch_movements_of(provider: str) -> None:
    from payments.movements import fetch_movements as fetch

    fetch(provider)


@shared_task(name="payments.reconcile_due_days")
def reconcile_due_days() -> None:
    from payments.reconciliation import reconcile_due_days as reconcile

    reconcile()


@shared_task(name="payments.ask_about_claims")
def ask_about_claims() -> None:
    from payments.claims import ask_about_claims as ask

    ask()
