"""What the embedded servers share: a folder of their own, and use in a ``with`` block."""

import shutil
from types import TracebackType
from typing import Self

from launcher.process import ManagedProcess


class EmbeddedServer(ManagedProcess):
    """A server whose data lies in ``folder`` and which stops when its block ends."""

    def delete(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
