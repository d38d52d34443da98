"""``manage.py mpesa_security_credential``: encrypt the initiator's password as M-PESA wants it."""

import base64
import getpass
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.core.management.base import BaseCommand, CommandError

# The portal takes these, but M-PESA has been seen to refuse passwords with them. Source: Daraja documentation.
_DOUBTFUL = set("@.()")


class Command(BaseCommand):
    help = (
        "Encrypt the initiator's password with Safaricom's certificate and print the value for "
        "MPESA_SECURITY_CREDENTIAL. The password is asked for, or read from standard input; never write it as an "
        "argument, where others could see it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "certificate",
            type=Path,
            help="the certificate file from the Daraja portal; live and sandbox have their own",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        key = self.public_key(options["certificate"])
        password = read_password()
        if not password:
            raise CommandError("The password is empty.")
        if doubtful := sorted(_DOUBTFUL & set(password)):
            self.stderr.write(f"M-PESA may refuse a password with {' '.join(doubtful)}; # & % $ are safe.")
        try:
            encrypted = key.encrypt(password.encode(), PKCS1v15())
        except ValueError:
            raise CommandError("The password is too long.") from None
        self.stdout.write(base64.b64encode(encrypted).decode())
        self.stderr.write("M-PESA lets the password expire after 90 days; make a new value then.")

    def public_key(self, path: Path) -> RSAPublicKey:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        try:
            certificate = load(content)
        except ValueError:
            raise CommandError(f"{path} is not a certificate; download it from the Daraja portal again.") from None
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise CommandError(f"{path} holds no RSA key; it is not Safaricom's certificate.")
        if certificate.not_valid_after_utc < datetime.now(UTC):
            self.stderr.write(f"The certificate expired on {certificate.not_valid_after_utc:%d %B %Y}; get a new one.")
        return key


def read_password() -> str:
    """Ask a person for the password without showing it, or read the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("The initiator's password: ")
    return sys.stdin.readline().rstrip("\r\n")
