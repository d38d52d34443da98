"""Wishes and notices. A notice is asked for under the product's lock, which every return to stock takes as well.

So either whoever asks sees the new stock, or whoever brings it sees the notice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from catalog.exceptions import ProductUnavailable
from catalog.models import Product, ProductQuerySet, Stock, Variant
from catalog.tasks import announce_stock as announce_stock_task
from catalog.tasks import mail_stock_notices as mail_stock_notices_task
from catalog.wishlist.exceptions import AlreadyInStock, EmailRequired, TooManyNotices, WishlistFull
from catalog.wishlist.models import StockNotice, WishlistItem
from catalog.wishlist.selectors import with_goods
from ecommerce.events import emit
from ecommerce.exceptions import ErrorRow
from ecommerce.insertion import insert_once
from ecommerce.mail import send_template
from ecommerce.models import new_id
from ecommerce.retention import delete_in_batches

MAX_WISHES = 500
MAX_NOTICES = 100
BATCH = 200  # notices for one product that one message takes on
GIVEN_UP = timedelta(days=1)  # a mail that is owed for longer has failed for good; it is owed again
WAITS = timedelta(days=180)
KEPT = timedelta(days=30)  # after the mail


@transaction.atomic
def add_to_wishlist(*, user: User, product: Product) -> bool:
    """Put a product on somebody's list; tell whether it is new there.

    Raises:
        WishlistFull: it is new, and there are ``MAX_WISHES`` already.
    """
    wishes = WishlistItem.objects.filter(user=user)
    if wishes.filter(product=product).exists():
        return False
    if wishes.count() >= MAX_WISHES:
        raise WishlistFull()
    return insert_once(WishlistItem(user=user, product=product))


def remove_from_wishlist(*, user: User, product_id: UUID) -> bool:
    """Take a product off somebody's list; tell whether it was there."""
    return bool(WishlistItem.objects.filter(user=user, product_id=product_id).delete()[0])


@transaction.atomic
def ask_for_notice(*, user: User, product_id: UUID, variant_id: UUID | None = None) -> tuple[StockNotice, bool]:
    """Remember that somebody waits; return the notice and whether it is new. Locks the product.

    Of a product with one variant, the variant is the product: nobody gets two mails about one thing.

    Raises:
        Product.DoesNotExist: it is not for sale.
        ProductUnavailable: it has no such variant.
        AlreadyInStock: there is nothing to wait for.
        EmailRequired: there is no address to write to.
        TooManyNotices: this one waits for ``MAX_NOTICES`` things already.
    """
    product = _locked_product(Product.objects.for_sale().filter(pk=product_id))
    variants = set(Variant.objects.filter(product=product, is_active=True).values_list("pk", flat=True))
    if variant_id is not None and variant_id not in variants:
        raise ProductUnavailable([ErrorRow(ProductUnavailable.code, ProductUnavailable.message, "variant_id")])
    if variants == {variant_id}:
        variant_id = None
    if product.kind != Product.Kind.PHYSICAL or _has_goods(product, variant_id):
        raise AlreadyInStock()
    if not user.email:
        raise EmailRequired()
    unsent = StockNotice.objects.filter(user=user, sent_at__isnull=True)
    same = Q(variant__isnull=True) if variant_id is None else Q(variant=variant_id)
    existing = unsent.filter(same, product=product).first()
    if existing is not None:
        return existing, False
    if unsent.count() >= MAX_NOTICES:
        raise TooManyNotices()
    # Nobody else inserts it meanwhile: the product is locked.
    return StockNotice.objects.create(user=user, product=product, variant_id=variant_id), True


def withdraw_notices(*, user: User, product_id: UUID) -> bool:
    """Wait no longer for a product or any variant of it; tell whether somebody did."""
    return bool(StockNotice.objects.filter(user=user, product_id=product_id, sent_at__isnull=True).delete()[0])


@transaction.atomic
def announce_stock(product_id: UUID | str) -> None:
    """Owe a mail to everybody who waits for what this product has again; one mail each, however much they named.

    Several may run at the same time: each takes notices that no other has.
    """
    waiting = StockNotice.objects.filter(product_id=product_id, owed_at__isnull=True)
    found = with_goods(waiting).select_for_update(of=("self",), no_key=True, skip_locked=True)
    notices = list(found.order_by("id")[:BATCH])
    if not notices:
        return
    now = timezone.now()
    StockNotice.objects.filter(pk__in=[notice.pk for notice in notices]).update(owed_at=now, updated_at=now)
    by_user: dict[UUID, list[str]] = {}
    for notice in notices:
        by_user.setdefault(notice.user_id, []).append(str(notice.pk))
    for ids in by_user.values():
        moment = now.isoformat()
        mail_stock_notices_task.owe(f"stock-notice:{ids[0]}:{moment}", notice_ids=ids, owed_at=moment)
    emit("stock.back", UUID(str(product_id)), waiting=[str(user_id) for user_id in by_user])
    if len(notices) == BATCH:
        _owe_announcement(product_id)


def mail_stock_notices(notice_ids: Iterable[str], owed_at: datetime) -> None:
    """Tell one person what is back. Called by a worker, outside a transaction; what was sent is not sent again.

    What has sold out meanwhile waits again, and nothing is said of it. Nor is anything of what has been owed anew since
    ``owed_at``: that is another message's, which may run at this moment.
    """
    notices = _still_true(notice_ids, owed_at)
    if not notices:
        return
    user = notices[0].user
    product = Product.objects.only("product_name", "url_key").get(pk=notices[0].product_id)
    options = [notice.variant.options for notice in notices if notice.variant is not None]
    context = {
        "user": user,
        "product": product,
        "variants": [", ".join(str(value) for value in values.values()) for values in options],
        "link": f"{settings.FRONTEND_URL}/products/{product.url_key}",
    }
    send_template("catalog/back_in_stock", to=user.email or "", context=context)
    StockNotice.objects.filter(pk__in=[notice.pk for notice in notices]).update(sent_at=Now(), updated_at=Now())


def tend_stock_notices() -> None:
    """Owe again what was given up or slipped through (a product that is for sale again), and forget what is old."""
    unsent = StockNotice.objects.filter(sent_at__isnull=True)
    unsent.filter(owed_at__lt=Now() - GIVEN_UP).update(owed_at=None, updated_at=Now())
    waiting = with_goods(unsent.filter(owed_at__isnull=True))
    for product_id in waiting.order_by("product_id").values_list("product_id", flat=True).distinct():
        with transaction.atomic():
            _owe_announcement(product_id)
    delete_in_batches(unsent.filter(created_at__lt=Now() - WAITS))
    delete_in_batches(StockNotice.objects.filter(sent_at__lt=Now() - KEPT))


@transaction.atomic
def _still_true(notice_ids: Iterable[str], owed_at: datetime) -> list[StockNotice]:
    """Return those notices whose thing can still be ordered; let the others wait again. Locks the product."""
    unsent = StockNotice.objects.filter(pk__in=list(notice_ids), owed_at=owed_at, sent_at__isnull=True)
    unsent.filter(user__is_active=False).delete()
    unsent.filter(user__email=None).delete()
    first = unsent.first()
    if first is None:
        return []
    _locked_product(Product.objects.filter(pk=first.product_id))
    true = list(with_goods(unsent).select_related("user", "variant").order_by("id"))
    unsent.exclude(pk__in=[notice.pk for notice in true]).update(owed_at=None, updated_at=Now())
    return true


def _locked_product(products: ProductQuerySet) -> Product:
    return products.select_for_update(no_key=True).only("kind", "in_stock").get()


def _has_goods(product: Product, variant_id: UUID | None) -> bool:
    if variant_id is None:
        return product.in_stock
    return Stock.objects.filter(variant_id=variant_id, available__gt=0).exists()


def _owe_announcement(product_id: UUID | str) -> None:
    announce_stock_task.owe(f"restock:{product_id}:{new_id()}", product_id=str(product_id))
