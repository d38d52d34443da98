from collections.abc import Callable

import pytest
from django.test import RequestFactory

from accounts.models import User
from tests.accounts.second_factor.phones import Clock, Phone, with_factor


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("accounts.second_factor.proof.time", clock)
    return clock


@pytest.fixture
def phone_of(db: None, clock: Clock, rf: RequestFactory) -> Callable[[User], Phone]:
    return lambda user: with_factor(user, clock, rf.post("/"))
