import threading

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from accounts.models import User
from ecommerce.exceptions import Busy, sqlstate
from ecommerce.transactions import joined, retry_on_conflict
from tests.factories import UserFactory


def fail_with(code: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END $$")


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.transactions.time.sleep", lambda _: None)


@pytest.mark.django_db(transaction=True)
def test_deadlock_of_two_connections_ends_with_both_done(together):
    users = [UserFactory(first_name=""), UserFactory(first_name="")]
    tries: list[str] = []
    first_lock = threading.Barrier(2)

    def name_both(name: str, order: list[User]) -> None:
        def operation() -> None:
            tries.append(name)
            with transaction.atomic():
                User.objects.filter(pk=order[0].pk).update(first_name=name)
                if len(tries) <= 2:  # in the first round both hold one row before they want the other
                    first_lock.wait(5)
                User.objects.filter(pk=order[1].pk).update(first_name=name)

        retry_on_conflict(operation)

    results = together(lambda: name_both("a", users), lambda: name_both("b", users[::-1]))

    assert results == [None, None]
    assert len(tries) == 3  # one of them was the victim, and tried again
    assert len(set(User.objects.values_list("first_name", flat=True))) == 1


@pytest.mark.parametrize("code", ["40001", "40P01", "55P03"])
@pytest.mark.django_db(transaction=True)
def test_operation_that_always_loses_is_tried_three_times_and_gives_busy(no_waiting, code):
    tries = []

    def operation() -> None:
        tries.append(1)
        User.objects.create_user("lost@example.com")
        fail_with(code)

    with pytest.raises(Busy):
        retry_on_conflict(transaction.atomic(operation))

    assert len(tries) == 3
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_operation_that_wins_at_last_gives_its_result(no_waiting):
    tries = []

    def operation() -> str:
        tries.append(1)
        if len(tries) < 3:
            fail_with("40001")
        return "done"

    assert retry_on_conflict(operation) == "done"
    assert len(tries) == 3


@pytest.mark.parametrize(("code", "kind"), [("57014", OperationalError), ("23505", IntegrityError)])
@pytest.mark.django_db(transaction=True)
def test_other_errors_are_not_tried_again(code, kind):
    tries = []

    def operation() -> None:
        tries.append(1)
        fail_with(code)

    with pytest.raises(kind) as failure:
        retry_on_conflict(operation)

    assert (len(tries), sqlstate(failure.value)) == (1, code)


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_tried_again():
    tries = []

    def operation() -> None:
        tries.append(1)
        fail_with("40001")

    with pytest.raises(OperationalError), transaction.atomic():
        retry_on_conflict(operation)

    assert len(tries) == 1


@joined
def _rename_and(user: User, *, fail: bool = False) -> str:
    User.objects.filter(pk=user.pk).update(first_name="Renamed")
    if fail:
        raise ValueError("no")
    return "done"


@pytest.mark.django_db(transaction=True)
def test_joined_service_has_a_transaction_of_its_own_when_none_is_open():
    user = UserFactory(first_name="Before")

    with pytest.raises(ValueError, match="no"):
        _rename_and(user, fail=True)
    user.refresh_from_db()
    assert user.first_name == "Before"

    assert _rename_and(user) == "done"
    user.refresh_from_db()
    assert user.first_name == "Renamed"


@pytest.mark.django_db(transaction=True)
def test_joined_service_is_part_of_the_open_transaction_without_a_savepoint(django_assert_num_queries):
    user = UserFactory(first_name="Before")

    with transaction.atomic():
        with django_assert_num_queries(1):
            _rename_and(user)
        transaction.set_rollback(True)

    user.refresh_from_db()
    assert user.first_name == "Before"
