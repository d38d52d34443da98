"""The files of imports. They lie where nothing is ever served from, and are thrown away after a while."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO
from uuid import UUID

from django.core.files import File
from django.core.files.storage import default_storage

from catalog.exchange.exceptions import FileGone
from ecommerce.exceptions import Busy

logger = logging.getLogger(__name__)

FOLDER = "imports"  # only pictures are served: see ecommerce.pictures


def upload_name(import_id: UUID) -> str:
    return f"{FOLDER}/{import_id.hex}"


def rows_name(import_id: UUID) -> str:
    return f"{FOLDER}/{import_id.hex}-rows"


def store(name: str, file: IO[bytes]) -> None:
    """Write a file piece by piece, over one of the same name. Call it outside of a transaction.

    Raises:
        Busy: the storage is full or cannot be reached; nothing is left.
    """
    try:
        file.seek(0)
        default_storage.save(name, File(file, name))
    except Exception as error:
        logger.exception("storage_failed", extra={"file": name})
        remove_now(name)
        raise Busy() from error


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open a stored file for reading.

    Raises:
        FileGone: it is not there.
    """
    try:
        file = default_storage.open(name)
    except FileNotFoundError:
        raise FileGone() from None
    with file:
        yield file.file or file  # the plain file below: Django's own reads lines slowly


def remove_now(name: str) -> None:
    with suppress(Exception):  # it is swept away later
        default_storage.delete(name)
