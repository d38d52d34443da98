"""The admin's look and its sidebar."""

from django.urls import reverse_lazy


def admin_site(shop_name: str) -> dict[str, object]:
    """Return the settings of django-unfold."""
    return {
        "SITE_TITLE": shop_name,
        "SITE_HEADER": shop_name,
        "SITE_URL": "/api/docs/",
        "SITE_SYMBOL": "storefront",
        # Written out: a browser that finds none asks for /favicon.ico, and there is nothing at that address.
        "SITE_FAVICONS": [
            {
                "rel": "icon",
                "type": "image/svg+xml",
                "href": (
                    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
                    "<rect width='16' height='16' rx='4' fill='%239333ea'/>"
                    "<path d='M4 7h8l-1 5H5zM6 7a2 2 0 0 1 4 0' fill='none' stroke='white'/></svg>"
                ),
            }
        ],
        "SHOW_HISTORY": True,
        "LOGIN": {"form": "accounts.second_factor.admin_forms.LogInForm"},
        "ACCOUNT": {"navigation": [{"title": "Second factor", "link": reverse_lazy("admin-second-factor")}]},
        "DASHBOARD_CALLBACK": "ecommerce.admin_base.add_waiting",
        "SIDEBAR": {
            "show_search": True,
            "navigation": [
                {
                    "title": "Shop",
                    "items": [
                        staff_link("Orders", "receipt_long", "orders.order"),
                        staff_link("Returns", "assignment_return", "orders.return"),
                        staff_link(
                            "Received money",
                            "savings",
                            "payments.receivedmoney",
                            badge="payments.admin.badges.received_money",
                        ),
                        staff_link("Payments", "payments", "payments.payment"),
                        staff_link("Payment attempts", "send_to_mobile", "payments.paymentattempt"),
                        staff_link("Refunds", "undo", "payments.refund", badge="payments.admin.badges.refunds"),
                        staff_link("Gift cards", "redeem", "payments.giftcard"),
                        staff_link("Store credit", "savings", "payments.storecredit"),
                        staff_link("Payouts", "outbound", "payments.payout", badge="payments.admin.badges.payouts"),
                    ],
                },
                {
                    "title": "Catalogue",
                    "items": [
                        staff_link("Products", "devices", "catalog.product"),
                        staff_link("Pictures", "image", "catalog.productimage"),
                        staff_link("Categories", "account_tree", "catalog.category"),
                        staff_link("Brands", "sell", "catalog.brand"),
                        staff_link("Attributes", "tune", "catalog.attribute"),
                        staff_link("Tags", "label", "catalog.tag"),
                        staff_link("Collections", "collections_bookmark", "catalog.collection"),
                        staff_link("Reviews", "reviews", "catalog.review"),
                        staff_link("Synonyms", "translate", "catalog.searchsynonym"),
                        staff_link("Imports", "upload_file", "catalog.catalogueimport"),
                        staff_link("Changes of products", "history", "catalog.productevent"),
                        staff_link("Changes of variants", "history", "catalog.variantevent"),
                        staff_link("Changes of prices in lists", "history", "catalog.pricelistitemevent"),
                    ],
                },
                {
                    "title": "Stays",
                    "items": [
                        staff_link("Bookings", "bed", "bookings.booking"),
                        staff_link("Listings", "cottage", "bookings.listing"),
                    ],
                },
                {
                    "title": "Stock",
                    "items": [
                        staff_link("Stock", "inventory_2", "catalog.stock"),
                        staff_link("Stock movements", "swap_vert", "catalog.stockmovement"),
                        staff_link("Warehouses", "warehouse", "catalog.warehouse"),
                        staff_link("Where goods lie", "shelves", "catalog.warehousestock"),
                        staff_link("Counts", "checklist", "catalog.stockcount"),
                        staff_link("Low-stock alerts", "notification_important", "catalog.lowstockalert"),
                    ],
                },
                {
                    "title": "Prices",
                    "items": [
                        staff_link("Price lists", "price_check", "catalog.pricelist"),
                        staff_link("Promotions", "loyalty", "orders.promotion"),
                        staff_link("Coupons", "confirmation_number", "orders.coupon"),
                        staff_link("Changes of promotions", "history", "orders.promotionevent"),
                        staff_link("Customer groups", "groups", "catalog.customergroup"),
                        staff_link("Exchange rates", "currency_exchange", "catalog.exchangerate"),
                    ],
                },
                {
                    "title": "Shipping",
                    "items": [
                        staff_link("Zones", "map", "orders.shippingzone"),
                        staff_link("Methods", "local_shipping", "orders.shippingmethod"),
                        staff_link("Pick-up points", "store", "orders.pickuppoint"),
                        staff_link("Changes of methods", "history", "orders.shippingmethodevent"),
                    ],
                },
                {
                    "title": "Books",
                    "items": [
                        staff_link("Accounts", "account_balance", "payments.ledgeraccount"),
                        staff_link("Bookings", "menu_book", "payments.ledgertransaction"),
                        staff_link("Statements", "request_quote", "payments.statement"),
                        staff_link("Commission", "percent", "payments.commissionrate"),
                        staff_link("Sellers' sales", "storefront", "payments.sellersale"),
                        staff_link("Reconciliations", "balance", "payments.reconciliation"),
                    ],
                },
                {
                    "title": "People and events",
                    "items": [
                        staff_link("Users", "group", "accounts.user"),
                        staff_link("Sellers", "storefront", "accounts.sellerprofile"),
                        staff_link("Text messages", "sms", "accounts.smsmessage"),
                        staff_link("Groups", "shield_person", "auth.group"),
                        staff_link("API keys", "key", "accounts.apikey"),
                        staff_link("Trail", "footprint", "accounts.securityevent"),
                        staff_link("Provider events", "inbox", "payments.providerevent"),
                        staff_link("Refused events", "gpp_bad", "payments.refusedevents"),
                        staff_link("Webhooks", "webhook", "inbox.webhookendpoint"),
                        staff_link("Webhook deliveries", "outgoing_mail", "inbox.webhookdelivery"),
                        staff_link("Notifications", "notifications", "inbox.notification"),
                        staff_link("Events", "bolt", "ecommerce.event"),
                        staff_link("Owed work", "outbox", "ecommerce.outboxmessage"),
                    ],
                },
            ],
        },
    }


def staff_link(title: str, icon: str, model: str, badge: str = "") -> dict[str, object]:
    """Return a line of the admin's sidebar, for those who may see or change what it leads to.

    ``badge`` is the dotted path of a function that counts what waits there.
    """
    app, name = model.split(".")
    return {
        "badge": badge,
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: any(request.user.has_perm(f"{app}.{may}_{name}") for may in ("view", "change")),
    }
