"""Filters of promotions and coupons."""

from django.db.models import Exists, OuterRef, QuerySet
from django_filters import rest_framework as filters

from ecommerce.filters import YesOrNoFilter
from orders.promotions.models import Coupon, Promotion, Redemption


class PromotionFilter(filters.FilterSet):
    name = filters.CharFilter(lookup_expr="icontains", max_length=120)
    kind = filters.ChoiceFilter(choices=Promotion.Kind.choices)
    group = filters.UUIDFilter(field_name="groups")
    is_active = YesOrNoFilter()
    is_automatic = YesOrNoFilter()
    combines = YesOrNoFilter()

    class Meta:
        model = Promotion
        fields = ()


class CouponFilter(filters.FilterSet):
    promotion = filters.UUIDFilter(field_name="promotion_id")
    code = filters.CharFilter(lookup_expr="istartswith", max_length=40, help_text="How it begins.")
    used = YesOrNoFilter(method="by_use", help_text="Whether an order has it.")
    is_active = YesOrNoFilter()

    class Meta:
        model = Coupon
        fields = ()

    def by_use(self, coupons: QuerySet[Coupon], name: str, value: bool) -> QuerySet[Coupon]:
        live = Exists(Redemption.objects.filter(coupon=OuterRef("pk"), released_at__isnull=True))
        return coupons.filter(live if value else ~live)
