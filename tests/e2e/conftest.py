from collections.abc import Iterator

import pytest

from tests.e2e.shop import Customer, RunningShop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    with RunningShop(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def customer(shop: RunningShop) -> Customer:
    return Customer(shop)


@pytest.fixture
def staff(shop: RunningShop) -> Customer:
    """Somebody who may do everything."""
    person = Customer(shop)
    shop.sql("UPDATE accounts_user SET is_staff = true, is_superuser = true WHERE email = %s", person.email)
    return person


@pytest.fixture
def variant(shop: RunningShop) -> str:
    """The id of a variant with plenty of stock. What is downloaded would be delivered as soon as it is paid."""
    rows = shop.sql(
        "SELECT s.variant_id::text FROM catalog_stock AS s JOIN catalog_product AS p ON p.id = s.product_id "
        "WHERE p.kind = 'physical' ORDER BY s.available DESC LIMIT 1"
    )
    return str(rows[0][0])
