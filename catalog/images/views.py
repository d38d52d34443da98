"""Pictures of products over HTTP; anyone may look at those that are ready."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.below_product import PRODUCT_KEY, named_product
from catalog.images import selectors, services
from catalog.images.models import ProductImage
from catalog.images.serializers import (
    ProductImageSerializer,
    ReorderImagesSerializer,
    UpdateImageSerializer,
    UploadImageSerializer,
)
from catalog.models import Product
from catalog.permissions import StaffByPermission
from ecommerce.http import checked
from ecommerce.parsers import StrictJSONParser
from ecommerce.pictures.drawing import MAX_FILE
from ecommerce.pictures.exceptions import ImageTooLarge
from ecommerce.schema import ErrorSerializer
from ecommerce.transactions import retry_on_conflict

# What a multipart body may hold besides the file.
_AROUND_THE_FILE = 64 * 1024

_ID = OpenApiParameter(
    "id", location=OpenApiParameter.PATH, description="The picture.", type={"format": "uuid", "type": "string"}
)
_UPLOAD = """
A JPEG, PNG, WebP or GIF (of an animation, the first frame) of at most 5 MB and 25 million pixels, told by its content
and not by its name. It is answered at once, as `processing`; a worker draws it anew in four sizes, upright and in sRGB,
and leaves everything but its pixels behind, such as where it was taken. Ask again until it is `ready` or `failed`.

The same file again answers 200 with the picture that is there. One that `failed` is tried anew.
"""
_READY = {
    "id": "0198c0de-0000-7000-8000-000000000031",
    "product": "0198c0de-0000-7000-8000-000000000001",
    "variant": None,
    "position": 0,
    "alt": "The charger with its cable",
    "state": "ready",
    "failure": "",
    "width": 3000,
    "height": 2000,
    "url": "https://shop.example/media/products/31/0198c0de000070008000000000000031-2048.webp",
    "thumbnails": [
        {
            "size": 160,
            "url": "https://shop.example/media/products/31/0198c0de000070008000000000000031-160.webp",
            "width": 160,
            "height": 107,
        }
    ],
    "created_at": "2026-11-21T07:45:00Z",
}
_NEW = _READY | {"state": "processing", "url": "", "thumbnails": []}
_SHOWN = OpenApiExample("A picture that is ready", value=_READY, response_only=True, status_codes=["200"])


@extend_schema_view(
    list=extend_schema(
        summary="List a product's pictures",
        description="The first one is the product's `image_url`. Staff see those, too, that are not ready.",
        parameters=[PRODUCT_KEY],
        examples=[_SHOWN],
    ),
    retrieve=extend_schema(summary="Show a picture", parameters=[PRODUCT_KEY, _ID], examples=[_SHOWN]),
)
class ProductImageViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ProductImage]):
    queryset = ProductImage.objects.none()
    serializer_class = ProductImageSerializer
    permission_classes = (StaffByPermission,)
    permission_model = Product
    action_permissions = {"create": ("change",), "destroy": ("change",)}
    public_reads = True
    orderings = {"position": ("position",)}
    schema_tag = "catalog"
    api_key_area = "catalogue"

    def get_parsers(self) -> list[Any]:
        # Asked for before there is an action; the address of the list is the one that takes files.
        return [MultiPartParser()] if "create" in (self.action_map or {}).values() else [StrictJSONParser()]

    def get_queryset(self) -> QuerySet[ProductImage]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        product = named_product(self.kwargs["key"], selectors.products_visible_to(self.request.user))
        return selectors.images_visible_to(self.request.user).filter(product=product)

    @extend_schema(
        summary="Upload a picture of a product",
        description=_UPLOAD,
        parameters=[PRODUCT_KEY],
        request={"multipart/form-data": UploadImageSerializer},
        responses={
            200: OpenApiResponse(ProductImageSerializer, description="The product has this picture."),
            201: ProductImageSerializer,
            403: ErrorSerializer,
            413: ErrorSerializer,
        },
        examples=[OpenApiExample("Taken", value=_NEW, response_only=True, status_codes=["201"])],
    )
    def create(self, request: Request, key: str) -> Response:
        # By the header first: what is far too large is not even read.
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FILE + _AROUND_THE_FILE:
            raise ImageTooLarge()
        product = named_product(key, selectors.products_visible_to(request.user))
        data = checked(UploadImageSerializer, request)
        image, is_new = services.add_image(
            product.pk, data=data["file"].read(), alt=data["alt"], variant_id=data.get("variant")
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(self.get_serializer(image).data, status=code)

    @extend_schema(
        summary="Change a picture's text or place",
        description="The others close up around its new `position`; 0 is the first.",
        parameters=[PRODUCT_KEY, _ID],
        request=UpdateImageSerializer,
        responses={200: ProductImageSerializer, 403: ErrorSerializer},
        examples=[OpenApiExample("To the front", value={"position": 0}, request_only=True)],
    )
    def partial_update(self, request: Request, key: str, pk: str) -> Response:
        data = checked(UpdateImageSerializer, request)
        image = self.get_object()
        changed = retry_on_conflict(lambda: services.update_image(image, **data))
        return Response(self.get_serializer(changed).data)

    @extend_schema(
        summary="Delete a picture", parameters=[PRODUCT_KEY, _ID], responses={204: None, 403: ErrorSerializer}
    )
    def destroy(self, request: Request, key: str, pk: str) -> Response:
        image = self.get_object()
        retry_on_conflict(lambda: services.delete_image(image))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProductImageOrderView(APIView):
    permission_classes = (StaffByPermission,)
    permission_model = Product
    schema_tag = "catalog"
    api_key_area = "catalogue"

    @extend_schema(
        summary="Put a product's pictures in order",
        description=(
            "`ids` names every picture of the product once, the first one first; all are moved, or none. When somebody "
            "has added or deleted one meanwhile, the answer is 409 and `images` has the present order."
        ),
        parameters=[PRODUCT_KEY],
        request=ReorderImagesSerializer,
        responses={200: ProductImageSerializer(many=True), 403: ErrorSerializer},
    )
    def post(self, request: Request, key: str) -> Response:
        product = named_product(key, selectors.products_visible_to(request.user))
        ids = checked(ReorderImagesSerializer, request)["ids"]
        images = retry_on_conflict(lambda: services.reorder_images(product.pk, ids))
        return Response(ProductImageSerializer(images, many=True).data)
