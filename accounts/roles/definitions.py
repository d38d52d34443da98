"""What each role of the staff may do: the one place where that is written.

Every deploy brings the groups in the database to this (``accounts.roles.groups``). Groups that the shop adds itself, by
any other name, are its own.
"""

from collections.abc import Iterable, Iterator, Mapping

from django.db import models

SHOP = ("accounts", "catalog", "bookings", "orders", "payments", "inbox")


class StaffRole(models.TextChoices):
    """A role, and the name of its group."""

    CATALOGUE_EDITOR = "catalogue_editor", "Catalogue editor"
    ORDER_CLERK = "order_clerk", "Order clerk"
    FINANCE = "finance", "Finance"
    SUPPORT = "support", "Support"
    ADMIN = "admin", "Admin"  # every permission of the shop; who has it may give roles to others


_CHANGES_OF_PROMOTIONS = (
    "promotionevent couponevent promotioncategoryevent promotionbrandevent promotioncollectionevent "
    "promotionproductevent promotiongroupevent"
)

_RIGHTS: Mapping[StaffRole, Mapping[str, str]] = {
    StaffRole.CATALOGUE_EDITOR: {
        "catalog": (
            "attribute brand category collection product tag pricelist customergroup warehouse stockcount: "
            "view add change delete; review: view change; stock: view change; searchsynonym: view add delete; "
            "productimage catalogueimport exchangerate lowstockalert stockmovement warehousestock productevent "
            "variantevent categoryevent brandevent productimageevent reviewevent stockevent "
            "pricelistevent pricelistitemevent: view"
        ),
        "bookings": "listing: view add change delete",
        "orders": f"promotion coupon: view add change delete; {_CHANGES_OF_PROMOTIONS}: view",
    },
    StaffRole.ORDER_CLERK: {
        "catalog": "product stock warehouse warehousestock stockmovement lowstockalert: view",
        "bookings": "listing: view; booking: view change",
        "orders": (
            "order return: view change; taxdocument etimssubmission promotion coupon: view; "
            "shippingzone shippingmethod pickuppoint: view add change delete; shippingzoneevent shippingmethodevent "
            "weightbandevent pickuppointevent pickupmethodevent: view"
        ),
        "payments": "payment: view; receivedmoney: add",  # money at the door
    },
    StaffRole.FINANCE: {
        "accounts": "sellerprofile payoutdestination: view",
        "catalog": "product: view; exchangerate: view add",
        "bookings": "listing booking: view",
        "orders": (
            "order: view export; return: view refund; "
            f"taxdocument etimssubmission promotion coupon {_CHANGES_OF_PROMOTIONS}: view"
        ),
        "payments": (
            "payment paymentattempt ledgeraccount ledgertransaction ledgerentry creditmovement providerevent "
            "refusedevents statementline reconciliationdifference: view; receivedmoney statement giftcard "
            "storecredit: view add change; refund payout reconciliation: view change; "
            "sellersale: view; commissionrate: view"
        ),
    },
    StaffRole.SUPPORT: {
        "accounts": "user sellerprofile: view",
        "catalog": "product stock: view; review: view change",
        "bookings": "listing booking: view",
        "orders": "order return: view",
        "payments": "payment refund giftcard storecredit: view",
    },
}


def permissions_of(role: StaffRole, existing: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the permissions of a role, as (app, codename), among those that exist."""
    if role == StaffRole.ADMIN:
        return {(app, codename) for app, codename in existing if app in SHOP}
    return set(named(role)) & set(existing)


def named(role: StaffRole) -> Iterator[tuple[str, str]]:
    """Yield what the definition of a role names, as (app, codename)."""
    for app, text in _RIGHTS.get(role, {}).items():
        for clause in text.split(";"):
            model_names, _, verbs = clause.partition(":")
            for model_name in model_names.split():
                yield from ((app, f"{verb}_{model_name}") for verb in verbs.split())
