"""Create an administrator without asking anything."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction

from accounts.audit.models import SecurityEvent
from accounts.audit.services import record
from accounts.models import User, normalise_email
from accounts.names import check_email
from accounts.validators import MAXIMUM_LENGTH

LEAST = 12  # characters; a customer's eight are too few for who may do everything


class Command(BaseCommand):
    help = (
        "Create an administrator. The password comes from the environment variable ADMIN_PASSWORD or from the file "
        "that --password-file or ADMIN_PASSWORD_FILE names, never from the command line, which anybody on the machine "
        "may read. An administrator who is there already is left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default=os.environ.get("ADMIN_EMAIL", ""), help="or ADMIN_EMAIL")
        parser.add_argument("--password-file", default=os.environ.get("ADMIN_PASSWORD_FILE", ""))
        parser.add_argument("--if-missing", action="store_true", help="also leave an account alone that is none")

    def handle(self, *args: Any, **options: Any) -> None:
        email = normalise_email(options["email"])
        try:
            validate_email(email)
            check_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no e-mail address.") from None
        known = User.objects.filter(email=email).first()
        if known is not None:
            # Nobody is promoted here: whoever has registered the address would become an administrator.
            if options["if_missing"] or (known.is_superuser and known.is_active):
                self.stdout.write(f"{email} exists already.")
                return
            raise CommandError(f"{email} exists already, and is no administrator.")
        password = self._password(options["password_file"])
        self._check(password, User(email=email))
        with transaction.atomic():
            admin = User.objects.create_superuser(email, password)
            record(SecurityEvent.Kind.ADMIN_CREATED, user=admin)
        self.stdout.write(f"Created the administrator {email}.")

    def _password(self, file: str) -> str:
        if not file:
            return os.environ.get("ADMIN_PASSWORD", "")
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"{file} cannot be read as text.") from None

    def _check(self, password: str, admin: User) -> None:
        if not LEAST <= len(password) <= MAXIMUM_LENGTH:
            raise CommandError(f"Set ADMIN_PASSWORD to at least {LEAST} characters, and at most {MAXIMUM_LENGTH}.")
        if not settings.PRODUCTION:  # a laptop's demo password may be a weak one
            return
        try:
            validate_password(password, user=admin)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
