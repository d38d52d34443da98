"""Files in the storage, which is this machine's disk or an S3 bucket."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urljoin

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from ecommerce.exceptions import Busy
from ecommerce.pictures.drawing import MAX_FILE

logger = logging.getLogger(__name__)


class StoredContent(ContentFile):  # type: ignore[type-arg]
    """Bytes that say themselves what they are, so that no storage guesses it from a name."""

    def __init__(self, data: bytes, content_type: str) -> None:
        super().__init__(data)
        self.content_type = content_type


def store(name: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
    """Write a file, over one of the same name; of a write that fails nothing is left.

    Call it outside of a transaction: an S3 bucket is a network away.

    Raises:
        Busy: the storage is full or cannot be reached.
    """
    try:
        default_storage.save(name, StoredContent(data, content_type))
    except Exception as error:
        logger.exception("storage_failed", extra={"file": name})
        with suppress(Exception):
            default_storage.delete(name)
        raise Busy() from error


def load(name: str) -> bytes:
    with default_storage.open(name) as file:
        data: bytes = file.read(MAX_FILE + 1)
        return data


def remove(names: Iterable[str]) -> None:
    """Delete files; one that is gone already is fine."""
    for name in names:
        default_storage.delete(name)


def address_of(name: str) -> str:
    """Return a file's public address, made from the settings and never from a request's ``Host``."""
    return urljoin(f"{settings.PUBLIC_BASE_URL}/", default_storage.url(name)) if name else ""
