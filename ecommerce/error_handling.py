"""Rendering every exception of an API view in the one error shape."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.db.models import ProtectedError
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error
from rest_framework import exceptions

from ecommerce.exceptions import Conflict, DomainError, PayloadTooLarge, translate_database_error


class ApiExceptionHandler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, RequestDataTooBig):
            return PayloadTooLarge()
        if isinstance(exc, SuspiciousOperation):
            return exceptions.ParseError("The request is malformed.")
        if isinstance(exc, ProtectedError):
            return Conflict("Other records still use this one.", code="protected")
        if isinstance(exc, DatabaseError | InterfaceError):
            return translate_database_error(exc) or exc
        return super().convert_known_exceptions(exc)


class ApiExceptionFormatter(ExceptionFormatter):
    def get_errors(self) -> list[Error]:
        if isinstance(self.exc, DomainError):
            return [Error(row.code, row.detail, row.attr) for row in self.exc.rows]
        errors: list[Error] = super().get_errors()
        for error in errors:
            # What is wrong with a list or an object as a whole is said of the field that holds it.
            error.attr = error.attr.removesuffix(".non_field_errors") if error.attr else error.attr
        return errors

    def format_error_response(self, error_response: Any) -> Any:
        body = super().format_error_response(error_response)
        if isinstance(self.exc, DomainError):
            body.update(self.exc.extra)
        return body
