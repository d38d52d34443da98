"""What can go wrong with parcels."""

from ecommerce.exceptions import DomainError, ErrorRow
from orders.fulfilment.models import Shipment


class NothingToShip(DomainError):
    code = "nothing_to_ship"
    message = "Nothing of this order is left to ship."


class MoreThanLeft(DomainError):
    """A row for each line of which more is wanted than is left to ship."""

    code = "more_than_left"


class GoodsAwaited(DomainError):
    """A row for each line of which more is wanted than has come."""

    code = "goods_awaited"


class UnknownLine(DomainError):
    """A row for each line that is not one of this order's."""

    status_code = 400
    code = "unknown_line"
    message = "This order has no such line."


class ParcelsChanged(DomainError):
    code = "parcels_changed"
    message = "Another parcel of this order was sent meanwhile. Look again at what is left."


class PartlyShipped(DomainError):
    code = "partly_shipped"
    message = "A part of this order has left already. Only the rest can be cancelled."


class InvalidShipmentTransition(DomainError):
    code = "invalid_shipment_transition"

    def __init__(self, shipment: Shipment, target: str) -> None:
        self.message = f"A parcel that is {shipment.status} cannot become {target}."
        super().__init__(status=shipment.status, allowed=sorted(shipment.next_statuses))


class OccurredInFuture(DomainError):
    status_code = 400
    code = "occurred_in_future"
    message = "This has not happened yet."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "occurred_at")])


class SourceIdReused(DomainError):
    code = "source_id_reused"
    message = "This source_id was already used for something else that happened to this parcel."
