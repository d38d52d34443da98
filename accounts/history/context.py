"""Telling the database who acts, so that its triggers can write it down."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pghistory
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from rest_framework.permissions import SAFE_METHODS

from accounts.models import User
from ecommerce.context import request_id

Handler = Callable[[HttpRequest], HttpResponse]


@contextmanager
def acting(*, via: str, actor: User | None = None) -> Iterator[None]:
    """Let every change within be known as made ``via`` this door (``api``, ``admin``, ``import``) and by ``actor``.

    An actor of an outer context stays. Statements that change something carry it along; none is added.
    """
    facts = {"via": via, "request_id": request_id.get(), "actor": str(actor.pk) if actor else ""}
    with pghistory.context(**{name: value for name, value in facts.items() if value}):
        yield


class HistoryMiddleware:
    """Note who acts: staff and sellers. Whoever only buys changes nothing that is kept here, and pays nothing for it.

    Stands below Django's authentication. The API learns who asks later, in the view: when it sets ``request.user``.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS or not isinstance(request, WSGIRequest):
            return self.get_response(request)
        in_admin = request.path.startswith("/admin/")
        with ExitStack() as stack:

            def note(user: Any) -> None:
                if isinstance(user, User) and (user.is_staff or user.role == User.Role.SELLER):
                    stack.enter_context(acting(via="admin" if in_admin else "api", actor=user))

            request.__class__ = _NotedRequest
            request.__dict__["note_user"] = note
            if in_admin:
                note(request.user)
            return self.get_response(request)


class _NotedRequest(WSGIRequest):
    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "user":
            self.__dict__["note_user"](value)
