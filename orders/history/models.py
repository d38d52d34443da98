"""The history of how the shop delivers and of what it takes off: one table for each, and for each list."""

from pghistory.models import Event

from accounts.history.events import Kind, history_of, history_of_list, kept
from orders.promotions.models import Coupon, Promotion
from orders.shipping.models import PickupPoint, ShippingMethod, ShippingZone, WeightBand


class PromotionCategory(Promotion.categories.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


class PromotionBrand(Promotion.brands.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


class PromotionCollection(Promotion.collections.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


class PromotionProduct(Promotion.products.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


class PromotionGroup(Promotion.groups.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


class PickupMethod(PickupPoint.methods.through):  # type: ignore[name-defined, misc]
    class Meta:
        proxy = True
        default_permissions = ()


ShippingZoneEvent = history_of(ShippingZone)
ShippingMethodEvent = history_of(ShippingMethod, by="zone")
WeightBandEvent = history_of(WeightBand, by="method")
PickupPointEvent = history_of(PickupPoint)
PickupMethodEvent = history_of_list(PickupMethod, owner="pickuppoint")
# Their uses are counted by orders, which write no history.
PromotionEvent = history_of(Promotion, exclude=("uses",))
CouponEvent = history_of(Coupon, exclude=("uses",))
PromotionCategoryEvent = history_of_list(PromotionCategory, owner="promotion")
PromotionBrandEvent = history_of_list(PromotionBrand, owner="promotion")
PromotionCollectionEvent = history_of_list(PromotionCollection, owner="promotion")
PromotionProductEvent = history_of_list(PromotionProduct, owner="promotion")
PromotionGroupEvent = history_of_list(PromotionGroup, owner="promotion")


def _of_promotion(name: str, model: type[Event]) -> Kind:
    return Kind(name, model, "promotion__name", {"promotion": "promotion"}, list_of="promotion")


EVENT_MODELS = (
    kept(Kind("shipping_zone", ShippingZoneEvent, "name")),
    kept(Kind("shipping_method", ShippingMethodEvent, "name", {"shipping_zone": "zone"})),
    kept(Kind("weight_band", WeightBandEvent, "method__name", {"shipping_method": "method"})),
    kept(Kind("pickup_point", PickupPointEvent, "name")),
    kept(Kind("pickup_method", PickupMethodEvent, "pickuppoint__name", {"pickup_point": "pickuppoint"}, "pickuppoint")),
    kept(Kind("promotion", PromotionEvent, "name")),
    # Codes are made by the thousand, so a promotion does not tell of them.
    kept(Kind("coupon", CouponEvent, "code")),
    kept(_of_promotion("promotion_category", PromotionCategoryEvent)),
    kept(_of_promotion("promotion_brand", PromotionBrandEvent)),
    kept(_of_promotion("promotion_collection", PromotionCollectionEvent)),
    kept(_of_promotion("promotion_product", PromotionProductEvent)),
    kept(_of_promotion("promotion_group", PromotionGroupEvent)),
)
