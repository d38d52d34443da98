"""The id of the request being served, carried into logs and owed work."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
