"""Asking for pictures over HTTP, and looking at what is stored, in tests."""

from pathlib import Path

from django.core.files.uploadedfile import SimpleUploadedFile

from catalog.images import services
from catalog.images.models import ProductImage
from catalog.models import Product
from ecommerce.models import OutboxMessage
from tests.catalog.pictures import drawn, encoded

PNG = encoded()


def images(product: Product, image: ProductImage | str = "") -> str:
    name = image.pk if isinstance(image, ProductImage) else image
    return f"/api/products/{product.pk}/images/" + (f"{name}/" if name else "")


def upload(client, product: Product, data: bytes = PNG, *, name: str = "a.png", kind: str = "image/png", **fields):
    file = SimpleUploadedFile(name, data, kind)
    return client.post(images(product), {"file": file, **fields}, format="multipart")


def picture(colour: int) -> bytes:
    return encoded(drawn(left=(colour, 0, 0)))


def add(product: Product, *colours: int) -> list[ProductImage]:
    return [services.add_image(product.pk, data=picture(colour))[0] for colour in colours]


def order(product: Product) -> list[tuple[int, str]]:
    return list(ProductImage.objects.filter(product=product).order_by("position").values_list("position", "sha256"))


def stored(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def everything(media: Path) -> tuple[object, ...]:
    return (
        list(ProductImage.objects.order_by("pk").values()),
        list(Product.objects.order_by("pk").values_list("pk", "picture", "updated_at")),
        list(OutboxMessage.objects.filter(topic__in=("catalog.process_image", "catalog.remove_files")).values("pk")),
        stored(media),
    )


def errors(answer) -> list[tuple[str, str | None]]:
    return [(row["code"], row["attr"]) for row in answer.json()["errors"]]
