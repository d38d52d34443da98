"""Gift cards that are bought: made once, mailed to the right one, taken back whole, and never worth money twice."""

from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts.models import User
from catalog.models import Product
from catalog.tax_kinds import TaxKind
from ecommerce.models import OutboxMessage
from orders import placing
from orders.documents.models import TaxDocument
from orders.lines import ItemInput
from orders.links import order_token
from orders.models import Order
from payments import refunds, sending, services
from payments.credit import sold, spending
from payments.credit.exceptions import GiftCardBuysNone, GiftCardIndivisible, GiftCardSpent
from payments.credit.models import GiftCard
from payments.models import Payment, Refund
from payments.providers.base import ProviderResult, Verdict
from payments.settlement import settle
from tests.admin_pages import member_of_staff
from tests.catalog.editing import PRODUCTS, charger, errors, everything, page
from tests.clients import client_for
from tests.factories import ProductFactory, UserFactory
from tests.orders.promoting import automatic
from tests.payments.gift_cards import code_of, give_credit, left_on
from tests.payments.gift_cards import gift_card as issued
from tests.payments.test_ledger import balances, check_books
from tests.racing import at_once

pytestmark = pytest.mark.django_db


def card_product(price: str = "1000.00", **fields: Any) -> Product:
    return ProductFactory(kind="gift_card", price=Decimal(price), stock=0, **fields)


def ordered(*wanted: tuple[Product, int], user: User | None = None, **contact: Any) -> Order:
    items = [ItemInput(quantity=units, product_id=product.pk, attr="items.0") for product, units in wanted]
    buyer = user or (None if contact else UserFactory())
    return placing.place_order(user=buyer, items=items, contact=placing.Contact(**contact))


def pay(order: Order) -> Payment:
    """Let M-Pesa pay what the order lacks."""
    started = services.start_payment(
        user=order.user, order_id=order.pk, method="mpesa", phone_number="+254712345678", holds_link=order.user is None
    )
    sending.send_attempt(started.attempt.pk)
    result = ProviderResult(
        verdict=Verdict.SUCCEEDED, amount=started.attempt.amount, receipt_number=f"UK{order.number}A"[:10]
    )
    settle(started.attempt.pk, result, source="query")
    return Payment.objects.get(order=order)


@pytest.fixture
def cards(run_owed_work) -> Any:
    """Return a function that buys gift cards (and other things), and gives the payment."""

    def buy(*wanted: tuple[Product, int], **who: Any) -> Payment:
        payment = pay(ordered(*wanted, **who))
        run_owed_work()
        return payment

    return buy


def made_of(payment: Payment) -> list[GiftCard]:
    return list(GiftCard.objects.filter(order_item__order=payment.order).order_by("created_at", "pk"))


def spend(card: GiftCard, amount: str) -> None:
    order = ordered((ProductFactory(price=Decimal(amount)), 1))
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))


def status_of(order: Order) -> str:
    order.refresh_from_db()
    return order.status


# --- The product


def test_gift_card_is_made_by_staff_and_outside_vat(settings):
    staff = client_for(member_of_staff("catalog.add_product", "catalog.change_product", "catalog.view_product"))

    made = staff.post(PRODUCTS, charger(kind="gift_card"))
    taxed = staff.post(PRODUCTS, charger(kind="gift_card", tax_kind="standard", product_name="Other"))
    product = Product.objects.get()
    later = staff.patch(page(product), {"tax_kind": "standard"})

    assert (made.status_code, made.json()["tax_kind"]) == (201, "outside")
    assert errors(taxed) == errors(later) == [("gift_card_is_the_shops", "tax_kind")]
    assert (Product.objects.count(), Product.objects.get().tax_kind) == (1, "outside")


def test_sellers_do_not_sell_the_shops_promises():
    seller = client_for(UserFactory(role="seller"))
    body = charger(kind="gift_card")
    before = everything()

    answer = seller.post(PRODUCTS, body)

    assert (answer.status_code, errors(answer)) == (400, [("gift_card_is_the_shops", "kind")])
    assert everything() == before


def test_database_keeps_gift_cards_the_shops_and_outside_vat():
    product = card_product()

    for change in ({"tax_kind": "standard"}, {"seller": UserFactory(role="seller")}):
        with pytest.raises(IntegrityError, match="product_gift_card_is_the_shops"), transaction.atomic():
            Product.objects.filter(pk=product.pk).update(**change)


# --- Buying


def test_paid_gift_cards_are_made_and_mailed_once(cards, run_owed_work):
    user = UserFactory()

    payment = cards((card_product(), 2), user=user)
    with transaction.atomic():
        again = sold.issue_sold_cards(payment.order_id)
    run_owed_work()

    made = made_of(payment)
    assert again == []
    assert [(card.initial_amount, card.balance, card.currency) for card in made] == [(1000, 1000, "KES")] * 2
    assert {(card.recipient_email, card.bought_by_id) for card in made} == {(user.email, user.pk)}
    mailed = [message for message in mail.outbox if message.subject.startswith("A gift card for you")]
    assert sorted(message.body.split("Its code: ")[1][:19] for message in mailed) == sorted(map(code_of, made))
    assert status_of(payment.order) == "delivered"  # there is nothing to send
    assert balances() == {"provider:mpesa KES": Decimal(2000), "gift_cards KES": Decimal(-2000)}
    check_books()


def test_unpaid_gift_cards_are_not_made(run_owed_work):
    order = ordered((card_product(), 1))
    run_owed_work()

    with transaction.atomic():
        assert sold.issue_sold_cards(order.pk) == []

    assert not GiftCard.objects.exists()


def test_sale_has_no_vat_and_use_has(cards):
    payment = cards((card_product(), 1), (ProductFactory(price=Decimal("1160.00")), 1))
    (card,) = made_of(payment)
    order = ordered((ProductFactory(price=Decimal("1160.00")), 1))
    spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))

    bought = TaxDocument.objects.get(order=payment.order).content
    payment.order.refresh_from_db()
    order.refresh_from_db()

    assert (payment.order.tax, order.tax) == (Decimal("160.00"), Decimal("160.00"))
    assert [(line["tax_letter"], line["net"], line["tax"]) for line in bought["lines"]] == [
        ("D", "1000.00", "0.00"),
        ("B", "1000.00", "160.00"),
    ]


def test_nothing_is_taken_off_gift_cards(cards):
    automatic(percent=Decimal(50))

    order = ordered((card_product(), 1), (ProductFactory(price=Decimal("100.00")), 1))
    client = client_for(UserFactory())
    cart = client.post("/api/cart/items/", {"product_id": str(card_product().pk), "quantity": 1}).json()

    assert {line.tax_kind: line.discount for line in order.items.all()} == {
        TaxKind.OUTSIDE: Decimal("0.00"),
        TaxKind.STANDARD: Decimal("50.00"),
    }
    assert (cart["discount"], cart["total_amount"]) == ("0.00", "1000.00")


def test_credit_buys_no_gift_cards():
    user = UserFactory()
    order = ordered((card_product(), 1), user=user)
    card, credit = issued("5000.00"), give_credit(user, "5000.00")

    with pytest.raises(GiftCardBuysNone):
        spending.spend_gift_card(user=user, order_id=order.pk, code=code_of(card))
    with pytest.raises(GiftCardBuysNone):
        spending.spend_store_credit(user=user, order_id=order.pk)

    assert (left_on(card), left_on(credit), status_of(order)) == (5000, 5000, "pending")
    assert not Payment.objects.filter(paid_at__isnull=False).exists()


# --- For whom


def recipient_address(order: Order) -> str:
    return f"/api/orders/{order.pk}/items/{order.items.get().pk}/recipient/"


def test_gift_goes_to_the_recipient_with_the_message(run_owed_work):
    user = UserFactory()
    order = ordered((card_product(), 1), user=user)
    told = {"recipient_email": "amina@example.com", "message": "Hongera <b>sana</b> 🎉"}

    answer = client_for(user).put(recipient_address(order), told)
    payment = pay(order)
    run_owed_work()
    too_late = client_for(user).put(recipient_address(order), {"recipient_email": "other@example.com"})

    (message,) = [each for each in mail.outbox if each.subject.startswith("A gift card for you")]
    assert (answer.status_code, answer.json()) == (200, told)
    assert (message.to, told["message"] in message.body) == (["amina@example.com"], True)
    assert (too_late.status_code, too_late.json()["errors"][0]["code"]) == (409, "gift_card_sent")
    assert made_of(payment)[0].recipient_email == "amina@example.com"
    assert client_for(user).get(recipient_address(order)).json() == told


def test_nobody_else_says_for_whom_a_gift_card_is():
    order = ordered((card_product(), 1))
    goods = ordered((ProductFactory(), 1), user=order.user)
    body = {"recipient_email": "thief@example.com"}
    staff = client_for(member_of_staff("orders.view_order", "orders.change_order"))
    other = ordered((card_product(), 1), email="guest@example.com")
    holder = APIClient(headers={"X-Order-Token": order_token(other.pk)})

    answers = [
        client.put(recipient_address(order), body).status_code
        for client in (client_for(UserFactory()), staff, holder, APIClient())
    ]
    of_goods = client_for(order.user).put(recipient_address(goods), body)
    crossed = client_for(order.user).put(f"/api/orders/{goods.pk}/items/{order.items.get().pk}/recipient/", body)

    assert answers == [404, 404, 404, 401]
    assert (of_goods.status_code, crossed.status_code) == (404, 404)
    assert not hasattr(order.items.get(), "gift_recipient")


def test_cards_of_a_guest_without_an_address_wait_for_one(cards, run_owed_work):
    payment = cards((card_product(), 1), phone_number="+254700111222")
    order = payment.order
    holder = APIClient(headers={"X-Order-Token": order_token(order.pk)})
    sent_before = [message.to for message in mail.outbox]

    answer = holder.put(recipient_address(order), {"recipient_email": "me@example.com"})
    run_owed_work()

    assert (sent_before, answer.status_code) == ([], 200)
    assert [message.to for message in mail.outbox] == [["me@example.com"]]


# --- Going back


def refund(payment: Payment, amount: str | None = None) -> list[Refund]:
    return refunds.refund_payment(
        payment_id=payment.pk, amount=Decimal(amount) if amount else None, reason="back", actor=UserFactory()
    )


def test_refund_of_everything_takes_unspent_cards_back(cards):
    payment = cards((card_product(), 2))
    first, second = made_of(payment)

    refund(payment)

    for card in (first, second):
        assert left_on(card) == 0
        assert card.is_active is False
        with pytest.raises(spending.GiftCardNotUsable):
            spending.usable_card(code_of(card))
    assert balances() == {"provider:mpesa KES": Decimal(2000), "refunds KES": Decimal(-2000)}
    check_books()


def test_spent_card_is_not_paid_back(cards):
    payment = cards((card_product(), 2))
    first, second = made_of(payment)
    spend(first, "1.00")

    with pytest.raises(GiftCardSpent, match=r"sold for 1000\.00"):
        refund(payment)

    assert (left_on(first), left_on(second), Refund.objects.count()) == (999, 1000, 0)
    refund(payment, "1000.00")
    assert (left_on(first), left_on(second)) == (999, 0)
    assert Refund.objects.get().amount == 1000
    check_books()


def test_refund_of_other_goods_leaves_cards_alone_and_no_part_of_a_card_goes_back(cards):
    payment = cards((card_product(), 1), (ProductFactory(price=Decimal("500.00")), 1))
    (card,) = made_of(payment)

    refund(payment, "500.00")
    Refund.objects.update(status=Refund.Status.SUCCEEDED)
    with pytest.raises(GiftCardIndivisible):
        refund(payment, "300.00")

    assert (left_on(card), card.is_active, Refund.objects.count()) == (1000, True, 1)


def test_card_that_is_not_made_yet_is_never_good_after_a_refund(run_owed_work):
    payment = pay(ordered((card_product(), 1)))

    refund(payment)
    run_owed_work()

    (card,) = made_of(payment)
    assert (left_on(card), card.is_active) == (0, False)
    assert not [message for message in mail.outbox if message.subject.startswith("A gift card for you")]
    check_books()


def test_cards_of_a_payment_that_its_provider_took_back_are_switched_off(cards):
    payment = cards((card_product(), 1))

    settle(payment.attempts.get().pk, ProviderResult(verdict=Verdict.REVERSED), source="query")

    (card,) = made_of(payment)
    assert (card.is_active, left_on(card)) == (False, 1000)


@pytest.mark.django_db(transaction=True)
def test_card_spent_and_paid_back_at_once_is_worth_its_money_once(cards):
    payment = cards((card_product(), 1))
    (card,) = made_of(payment)
    orders = [ordered((ProductFactory(price=Decimal("1000.00")), 1)) for _ in range(4)]

    def take(order: Order) -> str:
        try:
            spending.spend_gift_card(user=order.user, order_id=order.pk, code=code_of(card))
        except (spending.GiftCardNotUsable, spending.GiftCardEmpty):
            return "refused"
        return "spent"

    def give() -> str:
        try:
            refund(payment)
        except GiftCardSpent:
            return "kept"
        return "paid back"

    results = at_once([*(lambda order=order: take(order) for order in orders), give])

    assert sorted(results) in (["kept", *["refused"] * 3, "spent"], ["paid back", *["refused"] * 4])
    assert left_on(card) == 0
    check_books()


@pytest.mark.django_db(transaction=True)
def test_work_that_comes_ten_times_at_once_makes_each_card_once(run_owed_work):
    payment = pay(ordered((card_product(), 3)))

    at_once([lambda: sold.issue_sold_cards(payment.order_id) for _ in range(10)])
    run_owed_work()

    assert GiftCard.objects.count() == 3
    assert OutboxMessage.objects.filter(topic="payments.send_gift_card").count() == 3
    check_books()


# --- Guests spend them


def test_guessing_codes_by_an_orders_link_is_limited_like_a_users(settings):
    settings.THROTTLE_RATES = settings.THROTTLE_RATES | {"payment": "3/86400"}
    order = ordered((ProductFactory(price=Decimal("500.00")), 1), email="guest@example.com")
    card = issued("500.00")
    guest = APIClient(headers={"X-Order-Token": order_token(order.pk)})

    def guess(code: str) -> int:
        body = {"order_id": str(order.pk), "method": "gift_card", "code": code}
        return guest.post("/api/payments/", body, format="json").status_code

    answers = [guess("2222-2222-2222-2222") for _ in range(5)]
    right = guess(code_of(card))

    assert (answers, right) == ([404, 404, 404, 429, 429], 429)
    assert (left_on(card), status_of(order)) == (500, "pending")
