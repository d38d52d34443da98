"""The providers' own lists: what nobody told us of is found, and nothing is counted twice."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from orders.models import Order
from payments import movements, queries, statements
from payments.exceptions import ProviderUnavailable
from payments.models import Payment, PaymentAttempt, ReceivedMoney, Statement, StatementLine
from payments.providers.base import ProviderResult, StatementEntry, Verdict
from payments.providers.mpesa import MpesaProvider
from payments.providers.paystack import PaystackProvider
from payments.tasks import fetch_movements as fetch_movements_task
from tests.payments.statement_csv import NAIROBI, line, portal, upload
from tests.payments.test_ledger import balances, check_books
from tests.payments.test_statements import finance, state  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


class Lists:
    """What a provider's list gives, and what it was asked for."""

    def __init__(self) -> None:
        self.entries: list[StatementEntry] = []
        self.asked: list[tuple] = []
        self.is_away = False

    def __call__(self, since, until):
        self.asked.append((since, until))
        if self.is_away:
            raise ProviderUnavailable("away")
        return [entry for entry in self.entries if since <= entry.at < until]


@pytest.fixture
def mpesa(monkeypatch) -> Lists:
    lists = Lists()
    monkeypatch.setattr(MpesaProvider, "list_movements", lists)
    return lists


@pytest.fixture
def paystack(monkeypatch) -> Lists:
    lists = Lists()
    monkeypatch.setattr(PaystackProvider, "list_movements", lists)
    return lists


def entry(receipt: str = "UKL4AB12CD", *, ago: timedelta = timedelta(minutes=5), **changes) -> StatementEntry:
    told = StatementEntry(
        receipt_number=receipt,
        amount=Decimal("1500.00"),
        currency="KES",
        at=timezone.now() - ago,
        kind="c2b-pay-bill-debit",
    )
    return replace(told, **changes)


def test_payment_that_nobody_told_of_pays_its_order(order, mpesa, run_owed_work):
    mpesa.entries = [entry(reference=order.number)]

    assert movements.fetch_movements("mpesa") == 1
    run_owed_work()

    assert state(order) == ("paid", "successful", "UKL4AB12CD")
    assert ReceivedMoney.objects.get().source == "statement"
    check_books()


def test_lost_push_answer_and_callback_are_made_good(order, attempt, mpesa, run_owed_work):
    PaymentAttempt.objects.update(status="unknown", provider_reference=None)
    mpesa.entries = [entry(reference=order.number)]

    movements.fetch_movements("mpesa")
    run_owed_work()

    attempt.refresh_from_db()
    assert (attempt.status, attempt.receipt_number) == ("succeeded", "UKL4AB12CD")
    check_books()


def test_list_fetched_again_adds_nothing(order, mpesa, run_owed_work):
    mpesa.entries = [entry(reference=order.number)]
    movements.fetch_movements("mpesa")
    run_owed_work()

    assert movements.fetch_movements("mpesa") == 0

    assert run_owed_work() == []
    assert (StatementLine.objects.count(), ReceivedMoney.objects.count()) == (1, 1)
    assert balances()["provider:mpesa KES"] == Decimal("1500.00")


def test_upload_after_the_list_adds_nothing(order, mpesa, finance, run_owed_work):  # noqa: F811
    told = entry(reference=order.number, ago=timedelta(minutes=5))
    mpesa.entries = [told]
    movements.fetch_movements("mpesa")
    day = told.at.astimezone(NAIROBI).date()

    answer = upload(finance, portal(line("UKL4AB12CD", moment=told.at, **{"A/C No.": order.number}), day=day))

    run_owed_work()
    assert answer.json()["new_line_count"] == 0
    assert ReceivedMoney.objects.count() == 1


def test_next_list_begins_before_the_end_of_the_last(mpesa):
    mpesa.entries = [entry()]
    movements.fetch_movements("mpesa")
    movements.fetch_movements("mpesa")

    (first_since, first_until), (second_since, _) = mpesa.asked
    assert first_until - first_since == timedelta(hours=48) - movements.MARGIN
    assert second_since == first_until - movements.OVERLAP


def test_statement_of_a_day_grows_and_a_gap_makes_another(mpesa, monkeypatch):
    now = timezone.now().astimezone(NAIROBI).replace(hour=12)
    monkeypatch.setattr(movements.timezone, "now", lambda: now)
    mpesa.entries = [entry("UKL4AB12CA", at=now - timedelta(hours=1))]
    movements.fetch_movements("mpesa")
    mpesa.entries = [entry("UKL4AB12CB", at=now + timedelta(minutes=5))]
    monkeypatch.setattr(movements.timezone, "now", lambda: now + timedelta(minutes=30))
    movements.fetch_movements("mpesa")
    days = Statement.objects.order_by("since")
    assert [(row.until - row.since).days for row in days][1:] == [1, 0]
    assert (days[2].until, days[2].new_line_count, days[2].covers) == (now + timedelta(minutes=30), 2, ["received"])

    # Ten days without a worker: Safaricom tells of the last two.
    later = now + timedelta(days=10)
    mpesa.entries = [entry("UKL4AB12CC", at=later - timedelta(hours=1))]
    monkeypatch.setattr(movements.timezone, "now", lambda: later)
    movements.fetch_movements("mpesa")

    starts = sorted(Statement.objects.values_list("since", flat=True))
    assert later - timedelta(hours=48) + movements.MARGIN in starts


@pytest.mark.parametrize("trouble", ["nothing", "away"])
def test_list_that_says_nothing_moves_nothing_forward(mpesa, trouble):
    mpesa.is_away = trouble == "away"

    assert movements.fetch_movements("mpesa") == 0

    assert not Statement.objects.exists()
    mpesa.is_away, mpesa.entries = False, [entry(ago=timedelta(hours=40))]
    assert movements.fetch_movements("mpesa") == 1


@pytest.mark.parametrize(
    "changes", [{"receipt_number": ""}, {"receipt_number": "x" * 65}, {"currency": "???"}, {"amount": Decimal("1.005")}]
)
def test_entry_that_cannot_be_kept_keeps_no_other_out(mpesa, changes):
    mpesa.entries = [entry(**changes), entry("UKL4AB12CE")]

    assert movements.fetch_movements("mpesa") == 1
    assert StatementLine.objects.get().receipt_number == "UKL4AB12CE"


def test_only_providers_that_are_switched_on_and_have_a_list_are_asked(settings, queued):
    settings.PAYMENT_PROVIDERS = ["mpesa", "paypal", "manual", "paystack"]

    fetch_movements_task()

    assert [(message["task"], message["args"]) for message in queued()] == [
        ("payments.fetch_movements_of", ["mpesa"]),
        ("payments.fetch_movements_of", ["paystack"]),
    ]


# --- providers with pages of their own


@pytest.fixture
def page_attempt(order: Order) -> PaymentAttempt:
    """A customer is on Paystack's page."""
    payment = Payment.objects.create(
        order=order, user=order.user, amount=order.total_amount, currency="KES", method="card", provider="paystack"
    )
    order.payment_open = True
    order.save()
    return PaymentAttempt.objects.create(
        payment=payment,
        provider="paystack",
        status="pending",
        amount=payment.amount,
        currency="KES",
        method="card",
        reference="PAGE-1",
        provider_reference="PAGE-1",
        sent_at=timezone.now(),
        next_query_at=timezone.now() + timedelta(hours=6),
    )


def fetched(paystack: Lists, **changes) -> Statement:
    paystack.entries = [entry("4099260516", reference="PAGE-1", kind="card", fee=Decimal("43.50"), **changes)]
    movements.fetch_movements("paystack")
    # Soon after midnight the list is parted into two days' statements; the movement is yesterday's.
    return StatementLine.objects.latest("created_at").statement


def test_payment_of_a_live_attempt_makes_us_ask_and_no_money(page_attempt, paystack, run_owed_work, monkeypatch):
    statement = fetched(paystack)

    with pytest.raises(statements.Postpone):
        statements.record_statement(statement.pk)

    assert not ReceivedMoney.objects.exists()
    page_attempt.refresh_from_db()
    assert page_attempt.next_query_at <= timezone.now()
    paid = ProviderResult(
        verdict=Verdict.SUCCEEDED, amount=Decimal("1500.00"), currency="KES", receipt_number="4099260516"
    )
    monkeypatch.setattr(PaystackProvider, "query", lambda *_: paid)
    assert queries.query_due_attempts() == 1
    queries.query_attempt(page_attempt.pk)

    statements.record_statement(statement.pk)

    money = ReceivedMoney.objects.get()
    assert (money.status, money.source, money.fee) == ("applied", "attempt", Decimal("43.50"))
    assert StatementLine.objects.get().received == money
    assert balances()["fees:paystack KES"] == Decimal("43.50")
    check_books()


def test_list_alone_is_believed_when_the_provider_gives_no_other_answer(order, page_attempt, paystack):
    statement = fetched(paystack)
    StatementLine.objects.update(created_at=timezone.now() - statements.WAIT_FOR_ATTEMPT)

    statements.record_statement(statement.pk)

    assert state(order) == ("paid", "successful", "4099260516")
    page_attempt.refresh_from_db()
    assert page_attempt.status == "succeeded"
    check_books()


def test_payment_of_a_failed_attempt_still_pays(order, page_attempt, paystack):
    PaymentAttempt.objects.update(status="failed", next_query_at=None)

    statements.record_statement(fetched(paystack).pk)

    assert state(order) == ("paid", "successful", "4099260516")
    check_books()


def test_settled_attempt_under_another_number_makes_no_money(order, page_attempt, paystack):
    PaymentAttempt.objects.update(status="failed", next_query_at=None)
    statements.record_statement(fetched(paystack).pk)
    before = balances()
    paystack.entries = [entry("other-number", reference="PAGE-1", kind="card")]
    movements.fetch_movements("paystack")

    for statement in Statement.objects.all():
        statements.record_statement(statement.pk)

    assert (ReceivedMoney.objects.count(), balances()) == (1, before)
    check_books()
