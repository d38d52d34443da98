"""A shop with one of everything: what each path of the matrix stands for.

What belongs to a customer belongs to ``owner``, what belongs to a seller to ``seller``. A path with a parameter that is
not named here fails the matrix, and says so.
"""

import re
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.addresses.models import Address
from accounts.models import User
from accounts.sellers.models import SellerProfile
from accounts.social.models import SocialIdentity
from accounts.tokens import start_session
from bookings.blocked.services import block_dates
from bookings.ical.services import calendar_token
from catalog.attributes.models import Attribute
from catalog.curation.models import Collection
from catalog.exchange.models import CatalogueImport
from catalog.images import services as image_services
from catalog.inventory import counting
from catalog.inventory.models import Warehouse
from catalog.models import Brand
from catalog.searching.models import SearchSynonym
from catalog.tagging.models import Tag
from catalog.wishlist.models import WishlistItem
from inbox.webhooks.models import WebhookEndpoint
from orders import carts, services
from orders.documents.services import issue_invoice
from orders.gifts.models import GiftRecipient
from orders.lines import ItemInput
from orders.links import order_token
from orders.models import Order
from orders.reminders.services import unsubscribe_link
from orders.returns.services import ReturnLine, request_return
from orders.saved_carts.models import SavedCart, SavedCartItem
from payments.models import LedgerTransaction, Payment, Reconciliation, Statement
from payments.services import start_payment
from tests.bookings.stays import booked, day, listing_of
from tests.catalog.image_requests import picture
from tests.catalog.inventory import main
from tests.factories import (
    CategoryFactory,
    ProductFactory,
    buy,
    group_of,
    place_order,
    price_list,
    review,
    variant_of,
)
from tests.orders.promoting import coupon
from tests.orders.shipping import method, point
from tests.payments.admin_rows import arrived, paid, payout_by_hand, refund_by_hand
from tests.payments.gift_cards import gift_card


class World:
    """One of everything, and the text that stands for each parameter of a path."""

    def __init__(self, people: dict[str, User]) -> None:
        self.people = people
        self.owner, self.seller = people["owner"], people["seller"]
        self.paths: dict[str, Any] = {}
        self.instead: dict[str, Any] = {}  # of whole paths: what their first parameter stands for there
        self._accounts()
        self._catalogue()
        self._inventory()
        self._stays()
        self._orders()
        self._payments()
        self._inbox()

    def url_of(self, path: str) -> str:
        """Return the address of a path of the document.

        Raises:
            LookupError: nobody has said what one of its parameters stands for.
        """
        bare = re.sub(r"{\w+}", "{}", path)
        url = bare
        for number, match in enumerate(re.finditer(r"{}", bare)):
            if not number and bare in self.instead:
                stands_for = self.instead[bare]
            elif bare[: match.end()] in self.paths:
                stands_for = self.paths[bare[: match.end()]]
            else:
                raise LookupError(f"tests/rights/world.py does not say what {bare[: match.end()]} stands for")
            url = url.replace("{}", str(stands_for), 1)
        return url

    # --- What there is ---------------------------------------------------------------------------------------

    def _accounts(self) -> None:
        start_session(self.owner, user_agent="Another device")
        session = self.owner.refresh_sessions.get(user_agent="Another device")
        key = self.seller.api_keys.create(
            name="Feed", prefix="bm_feedfeed", key_hash="f" * 64, scopes=[], expires_at=timezone.now()
        )
        identity = SocialIdentity.objects.create(
            user=self.owner, provider="google", issuer="https://accounts.google.com", subject="1"
        )
        self.paths |= {
            "/api/auth/sessions/{}": session.family,
            "/api/auth/social/{}": identity.pk,
            "/api/auth/api-keys/{}": key.pk,
            "/api/users/addresses/{}": Address.objects.create(user=self.owner, county="Nairobi").pk,
            "/api/users/{}": self.owner.pk,
            "/api/sellers/{}": "duka",
        }
        SellerProfile.objects.create(
            user=self.seller,
            display_name="Duka",
            url_key="duka",
            county="Nairobi",
            status="approved",
            applied_at=timezone.now(),
            decided_at=timezone.now(),
        )
        SellerProfile.objects.create(
            user=self.people["other"], display_name="Kiosk", url_key="kiosk", county="Kisumu", applied_at=timezone.now()
        )
        self.instead |= {f"/api/sellers/{{}}/{what}/": "kiosk" for what in ("approve", "reject")}

    def _catalogue(self) -> None:
        self.product = ProductFactory(seller=self.seller, stock=50)
        self.variant = variant_of(self.product)
        self.second_product = ProductFactory(stock=50)
        image = image_services.add_image(self.product.pk, data=picture(7))[0]
        self.group = group_of(self.people["other"])
        self.group.members.add(self.owner)
        self.brand = Brand.objects.create(name="Samsung", url_key="samsung")
        self.second_brand = Brand.objects.create(name="Tecno", url_key="tecno")
        self.tag = Tag.objects.create(name="new", url_key="new")
        self.category = CategoryFactory()
        self.review = review(self.second_product, self.owner)
        uploaded = CatalogueImport.objects.create(
            created_by=self.people["admin"],
            kind="csv",
            file="",
            file_name="a.csv",
            file_size=1,
            sha256="0" * 64,
            options={"currency": "KES", "rates": {"KES": "1"}, "stock": 0, "update_stock": False},
        )
        WishlistItem.objects.create(user=self.owner, product=self.product)
        self.paths |= {
            "/api/attributes/{}": Attribute.objects.create(code="colour", label="Colour", type="text").code,
            "/api/brands/{}": self.brand.pk,
            "/api/categories/{}": self.category.pk,
            "/api/collections/{}": Collection.objects.create(
                name="New", url_key="new", published_from=timezone.now()
            ).pk,
            "/api/currencies/{}": "KES",
            "/api/customer-groups/{}": self.group.pk,
            "/api/customer-groups/{}/members/{}": self.owner.pk,
            "/api/imports/{}": uploaded.pk,
            "/api/price-lists/{}": price_list((self.product, "1400.00")).pk,
            "/api/products/{}": self.product.pk,
            "/api/products/{}/images/{}": image.pk,
            "/api/reviews/{}": self.review.pk,
            "/api/search/synonyms/{}": SearchSynonym.objects.create(term="tv", meaning="television").pk,
            "/api/tags/{}": self.tag.pk,
            "/api/wishlist/{}": self.product.pk,
        }

    def _inventory(self) -> None:
        self.warehouse: Warehouse = main()
        raw = f"sku,counted\n{self.variant.sku},49\n".encode()
        count = counting.upload_count(
            warehouse=self.warehouse, name="shelf.csv", raw=raw, counted_at=None, actor=self.people["admin"]
        )
        self.paths |= {
            "/api/stock/counts/{}": count.pk,
            "/api/stock/{}": self.variant.pk,
            "/api/warehouses/{}": self.warehouse.code,
        }

    def _stays(self) -> None:
        listing = listing_of(self.seller)
        self.stay = booked(listing, 10, 12, user=self.owner)
        block = block_dates(listing.pk, start=day(20), end=day(22))
        self.paths |= {
            "/api/bookings/{}": self.stay.pk,
            "/api/calendars/{}": calendar_token(listing),
            "/api/listings/{}": listing.pk,
            "/api/listings/{}/blocked-dates/{}": block.pk,
        }

    def _orders(self) -> None:
        self.order = place_order(self.owner, self.product)
        self.paying = place_order(self.owner, self.product)
        self.delivered = self._delivered()
        buy(self.owner, bought := ProductFactory(stock=50))
        self.instead["/api/products/{}/reviews/"] = bought.pk
        line = self.delivered.items.get()
        self.goods_return = request_return(
            order_id=self.delivered.pk, lines=[ReturnLine(line.pk, 1, attr="items.0")], reason="changed_mind"
        )
        found = carts.add_item(
            carts.CartOwner(user=self.owner), ItemInput(quantity=1, variant_id=self.variant.pk, attr="variant_id")
        )
        assert found.cart is not None
        saved = SavedCart.objects.create(user=self.owner, name="Later")
        SavedCartItem.objects.create(saved_cart=saved, variant=self.variant, quantity=1, price=Decimal("1500.00"))
        sold = place_order(self.owner, self.product)
        services.mark_paid(sold.pk)
        self.coupon = coupon("KARIBU")
        shipped_by = method()
        given = place_order(self.owner, ProductFactory(kind="gift_card", stock=0))
        GiftRecipient.objects.create(order_item=given.items.get(), recipient_email="amina@example.com")
        self.instead["/api/orders/{}/items/{}/recipient/"] = given.pk
        self.paths |= {
            "/api/cart/items/{}": found.cart.items.get().pk,
            "/api/cart/reminders/unsubscribe/{}": unsubscribe_link(self.owner).rstrip("/").rsplit("/", 1)[1],
            "/api/cart/saved/{}": saved.pk,
            "/api/coupons/{}": self.coupon.pk,
            "/api/orders/{}": self.order.pk,
            "/api/orders/{}/items/{}": given.items.get().pk,
            "/api/pickup-points/{}": point().pk,
            "/api/promotions/{}": self.coupon.promotion_id,
            "/api/returns/{}": self.goods_return.pk,
            "/api/sellers/me/orders/{}": sold.pk,
            "/api/shipments/{}": self.delivered.shipments.get().pk,
            "/api/shipping/methods/{}": shipped_by.pk,
            "/api/shipping/zones/{}": shipped_by.zone_id,
            "/api/track/{}": order_token(self.delivered.pk),
        }

    def _delivered(self) -> Order:
        order = place_order(self.owner, self.second_product, quantity=3)
        self.payment: Payment = paid(order, "UKL4AB12CD")
        services.ship_order(order.pk)
        return services.deliver_order(order.pk)

    def _payments(self) -> None:
        issue_invoice(self.delivered.pk)
        for what in ("invoice", "tracking", "packing-slip"):
            self.instead[f"/api/orders/{{}}/{what}/"] = self.delivered.pk
        started = start_payment(user=self.owner, order_id=self.paying.pk, method="mpesa", phone_number="+254712345678")
        self.received = arrived("UKL4LOST01", "700.00")
        self.refund = refund_by_hand(self.payment, "1.00")
        statement = Statement.objects.create(provider="mpesa", source="upload", name="s.csv", digest="0" * 64)
        reconciliation = Reconciliation.objects.create(provider="mpesa", day=timezone.now().date(), currency="KES")
        self.paths |= {
            "/api/gift-cards/{}": gift_card().pk,
            "/api/orders/{}/credit-notes/{}": "CN-2026-000001",
            "/api/payments/{}": self.payment.pk,
            "/api/payments/claims/{}": "unknown",
            "/api/payments/ledger/{}": LedgerTransaction.objects.earliest("created_at").pk,
            "/api/payments/mpesa/callback/{}": "unknown",
            "/api/payments/received/{}": self.received.pk,
            "/api/payments/reconciliation/{}": reconciliation.pk,
            "/api/payments/refunds/{}": self.refund.pk,
            "/api/payments/result/{}": "unknown",
            "/api/payments/statements/{}": statement.pk,
            "/api/payments/till/{}": "unknown",
            "/api/payments/verify/{}": started.attempt.reference,
            "/api/payments/webhooks/{}": "paystack",
            "/api/payouts/{}": payout_by_hand().pk,
        }

    def _inbox(self) -> None:
        webhook = WebhookEndpoint.objects.create(url="https://93.184.215.14/hook", events=["*"], secret="sealed")
        delivery = webhook.deliveries.create(
            event_id=1, kind="webhook.ping", object_id=webhook.pk, body="{}", status="failed"
        )
        self.paths |= {"/api/webhooks/{}": webhook.pk, "/api/webhooks/{}/deliveries/{}": delivery.pk}
