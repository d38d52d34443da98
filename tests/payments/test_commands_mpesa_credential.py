"""Encrypting the initiator's password."""

import base64
import getpass
import io
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command

from payments.management.commands import mpesa_security_credential


@pytest.fixture(autouse=True)
def daraja():
    """Take the place of the scripted Daraja of the other payment tests."""


def certificate(key, *, days=365, encoding=serialization.Encoding.PEM):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=730))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(encoding)


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def certificate_file(tmp_path):
    return tmp_path / "ProductionCertificate.cer"


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
@pytest.mark.parametrize("line", ["Shop#2026&\n", "Shop#2026&\r\n", "Shop#2026&"])
def test_password_from_standard_input_is_encrypted(capsys, monkeypatch, rsa_key, certificate_file, encoding, line):
    certificate_file.write_bytes(certificate(rsa_key, encoding=encoding))
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))

    call_command("mpesa_security_credential", str(certificate_file))

    told = capsys.readouterr()
    assert rsa_key.decrypt(base64.b64decode(told.out, validate=False), PKCS1v15()) == b"Shop#2026&"
    assert len(told.out.strip()) == 344
    assert told.err == "M-PESA lets the password expire after 90 days; make a new value then.\n"


def test_password_is_asked_for_without_showing_it(capsys, monkeypatch, rsa_key, certificate_file):
    certificate_file.write_bytes(certificate(rsa_key))
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "Typed%1")

    call_command("mpesa_security_credential", str(certificate_file))

    assert rsa_key.decrypt(base64.b64decode(capsys.readouterr().out), PKCS1v15()) == b"Typed%1"


def test_password_is_no_argument(certificate_file):
    with pytest.raises(CommandError, match="unrecognized arguments"):
        call_command("mpesa_security_credential", str(certificate_file), "Shop#2026")


def test_doubtful_characters_and_an_old_certificate_are_told(capsys, monkeypatch, rsa_key, certificate_file):
    certificate_file.write_bytes(certificate(rsa_key, days=-1))
    monkeypatch.setattr(sys, "stdin", io.StringIO("Shop@2026.\n"))

    call_command("mpesa_security_credential", str(certificate_file))

    told = capsys.readouterr()
    assert "M-PESA may refuse a password with . @; # & % $ are safe." in told.err
    assert "The certificate expired on " in told.err
    assert len(told.out.strip()) == 344


@pytest.mark.parametrize(
    ("content", "line", "error"),
    [
        (None, "x\n", "cannot be read: No such file or directory."),
        (b"", "x\n", "is not a certificate; download it from the Daraja portal again."),
        (b"-----BEGIN CERTIFICATE-----\nodd", "x\n", "is not a certificate; download it from the Daraja portal again."),
        ("ec", "x\n", "holds no RSA key; it is not Safaricom's certificate."),
        ("rsa", "\n", "The password is empty."),
        ("rsa", "", "The password is empty."),
        ("rsa", "x" * 300, "The password is too long."),
    ],
)
def test_what_cannot_be_encrypted_is_said(capsys, monkeypatch, rsa_key, certificate_file, content, line, error):
    made = {"ec": lambda: certificate(ec.generate_private_key(ec.SECP256R1())), "rsa": lambda: certificate(rsa_key)}
    if content is not None:
        certificate_file.write_bytes(made[content]() if isinstance(content, str) else content)
    monkeypatch.setattr(mpesa_security_credential.sys, "stdin", io.StringIO(line))

    with pytest.raises(CommandError) as caught:
        call_command("mpesa_security_credential", str(certificate_file))

    assert str(caught.value).endswith(error)
    assert capsys.readouterr().out == ""
