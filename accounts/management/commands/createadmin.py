"""Create an administrator without asking anything."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts.models import User, normalise_email
from accounts.names import check_email


class Command(BaseCommand):
    help = "Create an administrator; the password comes from the environment variable ADMIN_PASSWORD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--if-missing", action="store_true", help="do nothing when the account exists")

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("ADMIN_PASSWORD", "")
        email = normalise_email(options["email"])
        try:
            validate_email(email)
            check_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no e-mail address.") from None
        if User.objects.filter(email=email).exists():
            if options["if_missing"]:
                self.stdout.write(f"{email} exists already.")
                return
            raise CommandError(f"{email} exists already.")
        if len(password) < 12:
            raise CommandError("Set ADMIN_PASSWORD to at least 12 characters.")
        User.objects.create_superuser(email, password)
        self.stdout.write(f"Created the administrator {email}.")
