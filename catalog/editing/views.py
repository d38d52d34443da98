"""Products written over HTTP, by staff and by their sellers."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import signed_in
from accounts.models import User
from catalog.below_product import PRODUCT_KEY, named_product
from catalog.editing import documentation as docs
from catalog.editing import selectors, serializers, services
from catalog.editing.versions import Expected, etag_of
from catalog.models import Product
from ecommerce import idempotency
from ecommerce.http import IDEMPOTENCY_HEADER
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

_SHOWN = serializers.EditableProductSerializer


def shown_to_editor(product: Product, *, status_code: int = status.HTTP_200_OK) -> Response:
    """Return a product as its editor sees it, with the ``ETag`` for the next change."""
    row = selectors.for_editing().get(pk=product.pk)
    return Response(_SHOWN(row).data, status=status_code, headers={"ETag": etag_of(row, row.variants.all())})


class EditsProducts(viewsets.GenericViewSet[Product]):
    """What every view shares in which products are changed."""

    def changeable(self, request: Request, key: str, what: str) -> tuple[User, Product]:
        """Return who asks, and the product with this id or url_key.

        Raises:
            Http404: there is none that they may know of.
            PermissionDenied: they may see it, and no more.
        """
        user = signed_in(request)
        product = named_product(key, selectors.products_known_to(user))
        if not selectors.may(user, what, product):
            raise PermissionDenied()
        return user, product

    def run(self, change: Callable[[], None]) -> None:
        """Run a service in a transaction of its own, again if it lost against another one."""
        try:
            retry_on_conflict(change)
        except Product.DoesNotExist:
            raise Http404 from None


class ProductWrites(EditsProducts):
    """Making, changing and removing products, under the addresses where everybody reads them."""

    @extend_schema(
        summary="Create a product",
        description=docs.CREATE,
        parameters=[IDEMPOTENCY_HEADER],
        request=serializers.StaffWriteProductSerializer,
        responses={201: _SHOWN, 403: ErrorSerializer},
        examples=docs.CREATE_EXAMPLES,
    )
    def create(self, request: Request) -> Response:
        user = signed_in(request)
        if not selectors.may(user, "add"):
            raise PermissionDenied()
        data = self._checked(request, user)
        data.pop("updated_at", None)
        variants = serializers.as_edits(data.pop("variants"))
        if not user.is_staff:
            data["seller"] = user

        def effect() -> Response:
            product = services.write_product(actor=user, fields=data, variants=variants)
            return shown_to_editor(product, status_code=status.HTTP_201_CREATED)

        return idempotency.run_once(request, owner=f"user:{user.pk}", operation="products.create", effect=effect)

    @extend_schema(
        summary="Replace a product",
        description=docs.REPLACE,
        parameters=[PRODUCT_KEY, docs.IF_MATCH_HEADER],
        request=serializers.StaffWriteProductSerializer,
        responses={200: _SHOWN, 403: ErrorSerializer, 412: ErrorSerializer},
        examples=docs.REPLACE_EXAMPLES,
    )
    def update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, whole=True)

    @extend_schema(
        summary="Change a product",
        description=docs.CHANGE,
        parameters=[PRODUCT_KEY, docs.IF_MATCH_HEADER],
        request=serializers.StaffWriteProductSerializer,
        responses={200: _SHOWN, 403: ErrorSerializer, 412: ErrorSerializer},
        examples=docs.CHANGE_EXAMPLES,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._change(request, pk, whole=False)

    @extend_schema(
        summary="Remove a product",
        description=docs.REMOVE,
        parameters=[PRODUCT_KEY, docs.IF_MATCH_HEADER],
        responses={204: None, 403: ErrorSerializer, 412: ErrorSerializer},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        _, product = self.changeable(request, pk, "delete")
        self.run(lambda: services.remove_product(product.pk, expected=_expected(request)))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, key: str, *, whole: bool) -> Response:
        user, product = self.changeable(request, key, "change")
        data = self._checked(request, user, partial=not whole)
        expected = _expected(request, data.pop("updated_at", None))
        variants = serializers.as_edits(data.pop("variants")) if "variants" in data else None
        self.run(
            lambda: services.change_product(
                product.pk, actor=user, fields=data, variants=variants, whole=whole, expected=expected
            )
        )
        return shown_to_editor(product)

    def _checked(self, request: Request, user: User, *, partial: bool = False) -> dict[str, Any]:
        form_class = serializers.StaffWriteProductSerializer if user.is_staff else serializers.WriteProductSerializer
        form = form_class(data=request.data, partial=partial)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)


class ProductEditorViewSet(EditsProducts):
    """A product as its editor needs it, and its return after it was removed."""

    queryset = Product.objects.none()
    serializer_class = _SHOWN
    permission_classes = (IsAuthenticated,)
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Show a product for editing",
        description=docs.EDIT,
        parameters=[PRODUCT_KEY],
        responses={200: _SHOWN, 403: ErrorSerializer},
        examples=docs.SHOWN_EXAMPLES,
    )
    def retrieve(self, request: Request, key: str) -> Response:
        _, product = self.changeable(request, key, "change")
        return shown_to_editor(product)

    @extend_schema(
        summary="Restore a removed product",
        description=docs.RESTORE,
        parameters=[PRODUCT_KEY, docs.IF_MATCH_HEADER],
        request=None,
        responses={200: OpenApiResponse(_SHOWN), 403: ErrorSerializer, 412: ErrorSerializer},
        examples=docs.SHOWN_EXAMPLES,
    )
    def restore(self, request: Request, key: str) -> Response:
        _, product = self.changeable(request, key, "delete")
        self.run(lambda: services.bring_back(product.pk, expected=_expected(request)))
        return shown_to_editor(product)


@extend_schema_view(
    list=extend_schema(
        summary="List removed products",
        description="Newest first: all of them for staff who may see products, their own for sellers.",
        responses={200: serializers.RemovedProductSerializer(many=True), 403: ErrorSerializer},
    )
)
class RemovedProductsViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Product]):
    queryset = Product.objects.none()
    serializer_class = serializers.RemovedProductSerializer
    permission_classes = (IsAuthenticated,)
    orderings = {"-deleted_at": ("-deleted_at", "id"), "deleted_at": ("deleted_at", "id")}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_queryset(self) -> QuerySet[Product]:
        if getattr(self, "swagger_fake_view", False):
            return Product.objects.none()
        user = signed_in(self.request)
        if not (selectors.sees_all(user) or selectors.is_seller(user)):
            raise PermissionDenied()
        return selectors.removed_products(user)


def _expected(request: Request, updated_at: Any = None) -> Expected:
    header = request.headers.get("If-Match", "")
    # What cannot be read as a list of tags matches nothing: better refused than written over.
    etags = tuple(parse_etags(header)) or (header,) if header else ()
    return Expected(etags=etags, updated_at=updated_at)
