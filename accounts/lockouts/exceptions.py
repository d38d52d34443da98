"""What somebody is told who has tried too often."""

from rest_framework.exceptions import APIException


class LockedOut(APIException):
    """Too many tries have failed. ``wait`` is in seconds and becomes ``Retry-After``.

    Where the answer must not tell a lock from a wrong word (the log-in), the caller answers something else.
    """

    status_code = 429
    default_code = "too_many_tries"
    default_detail = "Too many tries have failed. Wait before the next one."

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait
