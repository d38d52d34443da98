"""What can go wrong with shipping."""

from ecommerce.exceptions import DomainError, ErrorRow


class ShippingMethodUnavailable(DomainError):
    code = "shipping_method_unavailable"
    message = "This shipping method does not serve this place, or not with this parcel. Choose another one."

    def __init__(self, attr: str | None = "method_id") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])


class PickupPointRequired(DomainError):
    status_code = 400
    code = "pickup_point_required"
    message = "Choose the pick-up point where you will collect."

    def __init__(self, attr: str | None = "pickup_point_id") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])


class PickupPointUnavailable(DomainError):
    code = "pickup_point_unavailable"
    message = "This shipping method does not serve this pick-up point. Choose another one."

    def __init__(self, attr: str | None = "pickup_point_id") -> None:
        super().__init__([ErrorRow(self.code, self.message, attr)])


class InvalidShipping(DomainError):
    """One row for each thing that is wrong with a zone, a method or a pick-up point."""

    status_code = 400
    code = "invalid_shipping"


class MethodKindFixed(DomainError):
    code = "method_kind_fixed"
    message = "A method stays what it is, delivery or pick-up. Make another one."
