"""The shop without its locks: what bench/races.py must catch. Served as ``bench.unlocked:application``.

Nothing in the shop knows of it: ``FOR UPDATE`` is cut out of each statement on its way to the database.
What is prepared is sent past that, so nothing is.
"""

import os
import re
from typing import Any

from django.db.backends.signals import connection_created

os.environ["DATABASE_PREPARED_STATEMENTS"] = "false"

from ecommerce.wsgi import application

__all__ = ["application"]

_LOCK = re.compile(r"\bFOR (?:NO KEY )?UPDATE\b(?: OF \"?\w+\"?(?:, \"?\w+\"?)*)?(?: SKIP LOCKED| NOWAIT)?")


def _unlocked(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    return execute(_LOCK.sub("", sql) if isinstance(sql, str) else sql, params, many, context)


def _cut_locks_out(connection: Any, **_: Any) -> None:
    if _unlocked not in connection.execute_wrappers:
        connection.execute_wrappers.append(_unlocked)


connection_created.connect(_cut_locks_out)
