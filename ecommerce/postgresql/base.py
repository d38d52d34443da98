"""The database backend that DATABASES names."""

import select
from collections import OrderedDict
from typing import Any

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps in mind which statements its connection has prepared, see ``ecommerce.prepared``."""

    prepared_statements: OrderedDict[str, None]  # the one that was run last is the last

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.prepared_statements = OrderedDict()
        return super().get_new_connection(conn_params)

    def is_usable(self) -> bool:
        """Tell whether a connection that was kept from an earlier request still lives.

        Django asks the server, once in each request, which took as long as reading a page. A server that has gone says
        so: its end of the connection is closed, and there is something to read where an idle one has nothing.
        """
        try:
            descriptor: int = self.connection.fileno()
            silent = not _has_something_to_read(descriptor)
        except (OSError, ValueError, self.Database.Error):
            return False
        return silent or super().is_usable()


def _has_something_to_read(descriptor: int) -> bool:
    poll = select.poll()  # select() takes no descriptors above 1023, and streams are many
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
