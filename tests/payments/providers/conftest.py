import pytest


@pytest.fixture(autouse=True)
def daraja() -> None:
    """Providers are tested on a scripted network of their own, not on the Daraja of the other payment tests."""
