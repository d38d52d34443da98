"""Catalogue files going in and out over HTTP, for tests."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from catalog.exchange.models import CatalogueImport
from tests.catalog.feed import snapshot

SHOPIFY = Path(__file__).resolve().parents[2] / "../shared/data/shopify"
HEADER = "Handle,Title,Body (HTML),Vendor,Product Category,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
HEADER += "Variant Grams,Variant Inventory Qty,Variant Price,Variant Compare At Price,Image Src,Status"

Work = Callable[[], list[str]]


def upload(client: APIClient, content: bytes | str, *, name: str = "products.csv", **fields: Any) -> Any:
    """Post a file to be imported; return the answer."""
    data = content.encode() if isinstance(content, str) else content
    key = fields.pop("key", None)
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    file = SimpleUploadedFile(name, data)
    return client.post("/api/products/import/", {"file": file, **fields}, format="multipart", **headers)


def run(client: APIClient, work: Work, content: bytes | str, **fields: Any) -> dict[str, Any]:
    """Import a file; return the import as it is when the worker has finished."""
    answer = upload(client, content, **fields)
    assert answer.status_code == 201, answer.json()
    work()
    return shown(client, answer.json()["id"])


def shown(client: APIClient, import_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/imports/{import_id}/")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def counts(told: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return how many products were created, changed, unchanged and refused."""
    return told["created"], told["changed"], told["unchanged"], told["refused"]


def errors(client: APIClient, told: dict[str, Any]) -> list[tuple[int | None, str, str]]:
    rows = client.get(f"/api/imports/{told['id']}/errors/", {"page_size": 100}).json()["results"]
    return [(row["line"], row["column"], row["code"]) for row in rows]


def exported(client: APIClient, form: str, **filters: str) -> bytes:
    answer = client.get("/api/products/export/", {"format": form, **filters})
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def everything() -> dict[str, list[Any]]:
    return snapshot() | {"imports": list(CatalogueImport.objects.values_list("pk", flat=True))}


def stored(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]
