"""Rows that staff keep over HTTP through a service: what their viewsets share."""

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404
from rest_framework.permissions import SAFE_METHODS
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from catalog.permissions import StaffByPermission
from ecommerce.transactions import retry_on_conflict


class KeptByStaff(ModelViewSet[Any]):
    """Rows that staff write, each by their permissions. With ``public_reads`` anyone may read what ``shown`` gives."""

    permission_classes = (StaffByPermission,)

    def every(self) -> QuerySet[Any]:
        raise NotImplementedError

    def shown(self) -> QuerySet[Any]:
        """The rows that this reader may see."""
        return self.every()

    def save(self, row: Any, data: dict[str, Any]) -> Any:
        """Store a new row, where ``row`` is None, or the change of one."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return self.every().none()
        # Whoever may write them need not be able to see the hidden ones in lists.
        return self.shown() if self.request.method in SAFE_METHODS else self.every()

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        self._save(serializer)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        self._save(serializer)

    def _save(self, serializer: BaseSerializer[Any]) -> None:
        row, data = serializer.instance, dict(serializer.validated_data)
        try:
            saved = retry_on_conflict(lambda: self.save(row, data))
            serializer.instance = self.every().get(pk=saved.pk)
        except ObjectDoesNotExist:  # somebody has deleted it meanwhile
            raise Http404 from None
