"""Every operation is really asked as everybody, and answers as tests/rights/matrix.txt says.

Each request runs in a transaction of its own that is taken back. How to read and extend the file: docs/rights.md.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.api_keys.scopes import Scope
from accounts.roles.groups import keep_groups
from tests.rights import matrix
from tests.rights.bodies import BODIES, HEADERS
from tests.rights.operations import Operation, declared_scope, example, operations, scope_of
from tests.rights.people import PEOPLE, key_client, make_clients, make_people
from tests.rights.world import World

# The databases of tests are made only for what asks for one by this mark; else it would be the real one.
pytestmark = pytest.mark.django_db
EXPECTED = matrix.read()
WRITE = os.environ.get("RIGHTS_WRITE") == "1"
OPERATIONS = sorted(operations())
PROVIDERS = {
    "PAYMENT_PROVIDERS": ["mpesa", "pagepay", "manual"],
    "PAYMENT_PROVIDER_CLASSES": {"pagepay": "tests.payments.pagepay.PagePay"},
    "GOOGLE_LOGIN": settings.GOOGLE_LOGIN | {"CLIENT_IDS": ["the-shop"], "JWKS_URL": "http://127.0.0.1:9/keys"},
    "FACEBOOK_LOGIN": settings.FACEBOOK_LOGIN | {"APP_ID": "1", "JWKS_URL": "http://127.0.0.1:9/keys/"},
}


@dataclass(frozen=True)
class Shop:
    world: World
    clients: dict[str, APIClient]

    def ask(self, operation: Operation, client: APIClient) -> int:
        """Send an operation and take back what it did; return the status of the answer."""
        name, url = str(operation), self.world.url_of(operation.path)
        with transaction.atomic():
            body = BODIES[name](self.world) if name in BODIES else example(operation)
            sent = json.dumps(body) if operation.method != "GET" else ""
            answer = client.generic(operation.method, url, sent, "application/json", **HEADERS)
            transaction.set_rollback(True)
        return int(answer.status_code)


@pytest.fixture(scope="module")
def shop(django_db_setup: None, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    media: Path = tmp_path_factory.mktemp("media")
    unlimited = dict.fromkeys(settings.THROTTLE_RATES, "1000000/3600")
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined]
        override_settings(THROTTLE_RATES=unlimited, MEDIA_ROOT=str(media), **PROVIDERS),
        transaction.atomic(),
    ):
        keep_groups()
        people = make_people()
        yield Shop(World(people), make_clients(people))
        transaction.set_rollback(True)


def test_every_operation_has_a_row(shop):
    missing = [operation for operation in OPERATIONS if operation not in EXPECTED]
    lines = []
    for operation in missing:
        answers = {name: matrix.word_for(shop.ask(operation, shop.clients[name])) for name in PEOPLE}
        lines.append(matrix.line_of(operation, scope_of(operation), answers))
    if WRITE and lines:
        matrix.add(lines)
    assert not lines, (
        "These operations have no row in tests/rights/matrix.txt. Look at each answer: is it right? Then add the line "
        f"(RIGHTS_WRITE=1 adds them all).\n{matrix.heading()}\n" + "\n".join(lines)
    )


def test_every_row_has_an_operation():
    gone = [str(operation) for operation in EXPECTED if operation not in operations()]
    assert gone == [], "Rows of tests/rights/matrix.txt whose operation is gone."


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each in EXPECTED], ids=str)
def test_operation_answers_each_as_expected(shop, operation):
    scope, expected = EXPECTED[operation]

    answers = {name: matrix.word_for(shop.ask(operation, shop.clients[name])) for name in PEOPLE}

    observed = matrix.line_of(operation, scope_of(operation), answers)
    assert not any(answer.startswith("5") for answer in answers.values()), observed
    assert (scope_of(operation), answers) == (scope, expected), (
        f"Expected and observed:\n{matrix.heading()}\n{matrix.line_of(operation, scope, expected)}\n{observed}"
    )
    assert declared_scope(operation, shop.world.url_of(operation.path)) == scope


@pytest.mark.parametrize("operation", [each for each, (scope, _) in sorted(EXPECTED.items()) if scope != "-"], ids=str)
def test_key_with_the_scope_does_what_its_owner_does_and_with_every_other_scope_nothing(shop, operation):
    scope, expected = EXPECTED[operation]
    admin = shop.world.people["admin"]
    with transaction.atomic():
        right = matrix.word_for(shop.ask(operation, key_client(admin, scope)))
        wrong = shop.ask(operation, key_client(admin, *(each for each in Scope.values if each != scope)))
        transaction.set_rollback(True)

    assert (right, wrong) == (expected["admin"], 403)
