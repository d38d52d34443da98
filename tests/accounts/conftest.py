import pytest

from tests.accounts.texts import Phones


@pytest.fixture
def phones(monkeypatch, run_owed_work):
    carrier = Phones(run_owed_work)
    monkeypatch.setattr("accounts.sms.services.get_backend", lambda: carrier)
    return carrier
