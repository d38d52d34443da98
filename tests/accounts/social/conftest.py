from collections.abc import Iterator
from typing import Any

import pytest

from accounts.social.jwks import key_set
from tests.accounts.social.providers import APP_ID, APP_SECRET, CLIENT_ID, OTHER_CLIENT_ID, Signer, Stand, standing


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer("key-1")


@pytest.fixture(scope="session")
def stranger() -> Signer:
    """A key that is not the provider's, under the name of one that is."""
    return Signer("key-1")


@pytest.fixture
def stand(settings: Any, signer: Signer) -> Iterator[Stand]:
    key_set.cache_clear()
    with standing() as stand:
        settings.GOOGLE_LOGIN = {
            "CLIENT_IDS": [CLIENT_ID, OTHER_CLIENT_ID],
            "JWKS_URL": f"{stand.url}/google/keys",
        }
        settings.FACEBOOK_LOGIN = {
            "APP_ID": APP_ID,
            "APP_SECRET": APP_SECRET,
            "GRAPH_URL": f"{stand.url}/graph",
            "JWKS_URL": f"{stand.url}/facebook/keys/",
        }
        stand.keys(signer)
        stand.keys(signer, path="/facebook/keys/")
        yield stand
    key_set.cache_clear()
