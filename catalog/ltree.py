"""PostgreSQL's ltree as a field: a node's path in a tree, such as ``a.b.c``, with indexed branch look-ups."""

from typing import Any

from django.db import models
from django.db.models.lookups import PostgresOperatorLookup


class LtreeField(models.Field):  # type: ignore[type-arg]  # generic for the type checker only
    """A path of labels joined by dots; labels are ``A-Z a-z 0-9 _``."""

    def db_type(self, connection: Any) -> str:
        return "ltree"


@LtreeField.register_lookup
class InBranch(PostgresOperatorLookup):
    """``path__in_branch=p``: the node at ``p`` and everything below it."""

    lookup_name = "in_branch"
    postgres_operator = "<@"


@LtreeField.register_lookup
class AncestorOf(PostgresOperatorLookup):
    """``path__ancestor_of=p``: the node at ``p`` and everything above it."""

    lookup_name = "ancestor_of"
    postgres_operator = "@>"
