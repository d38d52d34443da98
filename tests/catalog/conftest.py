import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from catalog.models import Product
from tests.admin_pages import member_of_staff
from tests.clients import client_for
from tests.factories import ProductFactory

SHOP = "http://127.0.0.1:8000"


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows (or raw bytes, as they are) to a file of JSON lines."""

    def write(*rows: dict[str, Any] | bytes, name: str = "catalogue.ndjson") -> Path:
        lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in rows]
        data = b"".join(line + b"\n" for line in lines)
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, int]]:
    """Run the command and return its figures: read, created, updated, unchanged, skipped, and each reason."""

    def run(path: Path, *arguments: str) -> dict[str, int]:
        capsys.readouterr()
        call_command("import_catalogue", str(path), *arguments)
        figures: dict[str, int] = {}
        for line in capsys.readouterr().out.splitlines()[1:]:
            words = line.replace(",", "").split()
            if words[0].isdigit():
                figures[words[1]] = int(words[0])
            elif words[0] in ("read", "created", "updated", "skipped"):
                figures[words[0]] = int(words[1])
            if words[0] == "updated":
                figures["unchanged"] = int(words[2].strip("("))
        return figures

    return run


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """A folder for uploads that lasts as long as the test."""
    settings.MEDIA_ROOT, settings.PUBLIC_BASE_URL = tmp_path / "media", SHOP
    return tmp_path / "media"


@pytest.fixture
def product(db: None) -> Product:
    return ProductFactory(image_url="https://feed.example/a.jpg")


@pytest.fixture
def clerk(db: None) -> APIClient:
    """Staff who may change products, over HTTP."""
    return client_for(member_of_staff("catalog.change_product"))
