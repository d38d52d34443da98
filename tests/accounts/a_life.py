"""Somebody who has used everything in the shop, with their name in every text that they or staff could write."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import EmailToken, User
from catalog.prices.models import CustomerGroup
from catalog.reviews.models import Review
from catalog.reviews.services import write_review
from catalog.wishlist.models import StockNotice, WishlistItem
from ecommerce.models import OutboxMessage
from orders import services as order_services
from orders.fulfilment.models import ShipmentEvent
from orders.models import Order, OrderEvent
from orders.reminders.models import CartReminderRefusal
from orders.returns.services import ReturnLine, cancel_return, request_return
from payments.credit.issuing import issue_gift_card
from payments.models import Payment, PaymentAttempt, ProviderEvent, ReceivedMoney
from tests.catalog.pictures import photograph
from tests.clients import client_for
from tests.factories import PASSWORD, ProductFactory, UserFactory, variant_of


def lived(name: str = "Wanjikucanary", phone: str = "+254712999888") -> User:
    """Return a customer whose names are all made of ``name``, with nothing open."""
    user = UserFactory(
        email=f"{name.lower()}@example.com",
        username=f"{name.lower()}-user",
        first_name=name,
        last_name=f"{name}son",
        phone_number=phone,
        phone_verified_at=timezone.now(),
        email_verified_at=timezone.now(),
    )
    client = APIClient(raise_request_exception=False)
    client.post(
        "/api/auth/login/", {"email": user.email, "password": PASSWORD}, headers={"User-Agent": f"{name}'s phone"}
    )
    words = f"{name} of {user.email}, call {phone} or 0{phone[4:7]} {phone[7:10]} {phone[10:]}"
    _profile(user, words)
    order = _order(user, words)
    _money(user, order, words)
    _wishes(user, order, words)
    _traces(user, words)
    return user


def _profile(user: User, words: str) -> None:
    client = client_for(user)
    place = {
        "county": "Nairobi",
        "recipient": user.first_name,
        "phone_number": user.phone_number,
        "landmark": words[:100],
    }
    client.post("/api/users/addresses/", place | {"label": f"{user.first_name}'s home"})
    client.put("/api/users/consents/", {"marketing_mail": True, "text_version": "2026-11"})
    client.patch("/api/users/profile/", {"language": "sw"})
    client.put("/api/users/profile/avatar/", {"file": SimpleUploadedFile("me.jpg", photograph())}, format="multipart")
    EmailToken.objects.create(
        user=user, purpose="verify", token_hash=user.pk.hex, expires_at=timezone.now(), used_at=timezone.now()
    )


def _order(user: User, words: str) -> Order:
    """Something ordered under an idempotency key, paid, brought, and of which a return was asked for and let be."""
    product = ProductFactory(stock=10)
    answer = client_for(user).post(
        "/api/orders/",
        {
            "items": [{"product_id": str(product.pk), "quantity": 2}],
            "email": user.email,
            "phone_number": user.phone_number,
            "note": words,
            "buyer_pin": "A012345678Z",
            "shipping_address": {"county": "Nairobi", "recipient": user.first_name, "landmark": words[:100]},
        },
        headers={"Idempotency-Key": f"key-{user.pk}"},
    )
    assert answer.status_code == 201, answer.json()
    order = Order.objects.get(pk=answer.json()["id"])
    order_services.mark_paid(order.pk)
    order_services.ship_order(order.pk)
    order_services.deliver_order(order.pk)
    shipment = order.shipments.get()
    shipment.note = words
    shipment.save()
    ShipmentEvent.objects.create(
        shipment=shipment, status=shipment.status, occurred_at=timezone.now(), note=words[:150], place=user.first_name
    )
    line = ReturnLine(order.items.get().pk, 1, attr="items.0")
    goods_return = request_return(order_id=order.pk, lines=[line], reason="other", note=words)
    cancel_return(goods_return.pk, note=words[:100])
    goods_return.refresh_from_db()
    goods_return.staff_note = words
    goods_return.save()
    OrderEvent.objects.create(order=order, to_status="delivered", note=words)
    order.refresh_from_db()
    return order


def _money(user: User, order: Order, words: str) -> None:
    payment = Payment.objects.create(
        order=order, user=user, amount=order.total_amount, currency="KES", method="mpesa", provider="mpesa",
        status="successful", transaction_id=f"R{user.pk.hex[-9:].upper()}", paid_at=timezone.now(),
    )  # fmt: skip
    attempt = PaymentAttempt.objects.create(
        payment=payment, provider="mpesa", status="succeeded", amount=order.total_amount, currency="KES",
        method="mpesa", reference=user.pk.hex, phone_number=user.phone_number,
    )  # fmt: skip
    ReceivedMoney.objects.create(
        provider="mpesa", receipt_number=payment.transaction_id, amount=order.total_amount, currency="KES",
        status="applied", source="attempt", received_at=timezone.now(), payer_phone=user.phone_number,
        payer_name=user.get_full_name(), payment=payment, attempt=attempt, note=words[:300], verified_at=timezone.now(),
        applied_amount=order.total_amount,
    )  # fmt: skip
    ProviderEvent.objects.create(
        provider="mpesa", event_id=user.pk.hex, kind="stk_callback", attempt=attempt, body=words.encode(),
        handled_at=timezone.now(),
    )  # fmt: skip
    issue_gift_card(amount=order.total_amount, currency="KES", actor=None, message=words, bought_by=user)
    sent = issue_gift_card(
        amount=order.total_amount, currency="KES", actor=None, message="Enjoy!", recipient_email=user.email or ""
    )
    OutboxMessage.objects.filter(dedupe_key=f"gift-card:{sent.pk}").update(done_at=timezone.now())


def _wishes(user: User, order: Order, words: str) -> None:
    product = order.items.get().product
    review = write_review(user=user, product=product, rating=5, title=f"By {user.first_name}", body=words)
    Review.objects.filter(pk=review.pk).update(
        reply=f"Thank you, {user.first_name}!", replied_at=timezone.now(), status="published"
    )
    Review.objects.filter(pk=review.pk).update(reply=f"Thank you again, {user.first_name}!")  # history has the first
    other = ProductFactory()
    WishlistItem.objects.create(user=user, product=other)
    StockNotice.objects.create(user=user, product=other)
    CustomerGroup.objects.get_or_create(name="Resellers")[0].members.add(user)
    CartReminderRefusal.objects.create(user=user)
    client = client_for(user)
    add = {"product_id": str(other.pk), "quantity": 1}
    client.post("/api/cart/items/", add)
    client.post("/api/cart/save/", {"name": f"{user.first_name}'s office"})
    client.post("/api/cart/items/", add)
    address = {"county": "Nairobi", "recipient": user.first_name}
    client.post("/api/cart/checkout/shipping/", {"email": user.email, "note": words, "shipping_address": address})
    assert variant_of(other).stock_level.available == 10


def _traces(user: User, words: str) -> None:
    clerk = UserFactory(is_staff=True)
    LogEntry.objects.create(
        user=clerk, content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk),
        object_repr=str(user), action_flag=CHANGE, change_message=words,
    )  # fmt: skip
    LogEntry.objects.create(
        user=clerk, content_type=ContentType.objects.get_for_model(Order), object_id="1",
        object_repr=f"credit of {user.email}", action_flag=CHANGE,
    )  # fmt: skip
    OutboxMessage.objects.create(
        topic="orders.send_confirmation",
        dedupe_key=f"done:{user.pk}",
        payload={"to": user.email},
        done_at=timezone.now(),
    )
    OutboxMessage.objects.create(
        topic="orders.send_confirmation", dedupe_key=f"dead:{user.pk}", dead_at=timezone.now(),
        last_error=f"550 no mailbox {user.email}",
    )  # fmt: skip
