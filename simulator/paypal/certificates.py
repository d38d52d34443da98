"""The key that signs webhooks, and its certificate under a certification authority made for the occasion."""

import base64
import zlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from simulator.documents import Document, Documents
from simulator.paypal.identifiers import new_certificate_id

KIND = "certificate"
KEY_BITS = 2048
LIFE = timedelta(days=365)
HOST = "messageverificationcerts.paypal.com"


class Certificates:
    """Made when they are first needed, and kept: what was signed before a restart can be checked after it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._keys: dict[str, rsa.RSAPrivateKey] = {}

    def current_id(self) -> str:
        return str(self._own("own")["id"])

    def chain(self, certificate_id: str) -> str | None:
        """Return the certificate and that of its authority as PEM, None for an unknown id."""
        found = self._documents.get(KIND, certificate_id)
        return found["chain"] if found else None

    def sign(self, signed: str) -> str:
        """Return the signature that the current certificate confirms, in base64."""
        return self._sign("own", signed)

    def sign_with_another_key(self, signed: str) -> str:
        return self._sign("other", signed)

    def confirms(self, certificate_id: str, signature: str, signed: str) -> bool:
        """Check a signature against a certificate of this simulator."""
        chain = self.chain(certificate_id)
        if chain is None:
            return False
        key = x509.load_pem_x509_certificates(chain.encode())[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        try:
            key.verify(base64.b64decode(signature, validate=True), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, InvalidSignature):
            return False
        return True

    def _sign(self, use: str, signed: str) -> str:
        kept = self._own(use)
        key = self._keys.get(use)
        if key is None:
            loaded = serialization.load_pem_private_key(kept["key"].encode(), password=None)
            if not isinstance(loaded, rsa.RSAPrivateKey):
                raise TypeError(type(loaded))
            key = self._keys[use] = loaded
        return base64.b64encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    def _own(self, use: str) -> Document:
        found = self._documents.owned(KIND, use)
        return found[0] if found else self._documents.save(KIND, _made(), use)


def signed_text(transmission_id: str, moment: str, webhook_id: str, body: bytes) -> str:
    """Return what is signed. Source: PayPal developer documentation, Webhooks, Verify webhook signature."""
    return f"{transmission_id}|{moment}|{webhook_id}|{zlib.crc32(body) & 0xFFFFFFFF}"


def _made() -> Document:
    authority_key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    authority_name = _name("Payment Simulator Test Authority")
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _builder(_name(HOST), authority_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return {
        "id": new_certificate_id(),
        "chain": "".join(part.public_bytes(Encoding.PEM).decode() for part in (certificate, authority)),
        "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Payment Simulator"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
