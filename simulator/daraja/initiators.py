"""The merchant's API operator: his credential, the certificate that encrypts it, and its lock.

Source: Daraja, Security Credential: base64 of the password's bytes, encrypted with RSA and the padding of PKCS #1 v1.5
under the public key of a certificate that Safaricom publishes.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from hmac import compare_digest

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.daraja import results
from simulator.settings import DarajaSettings
from simulator.store import Store

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.x509.oid import NameOID
except ImportError:  # credentials are then checked for their form alone
    CAN_DECRYPT = False
else:
    CAN_DECRYPT = True

# Accepted in the place of an encrypted password, so that a demonstration needs no certificate.
PLAIN_CREDENTIAL = "simulator-credential"
TRIES = 2
KEY_BITS = 2048
CREDENTIAL_BYTES = (256, 512)
_VALID = timedelta(days=3650)


class Certificate:
    """A key pair of the simulator's own, made when it is first needed and kept with the state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pem(self) -> str:
        return self._pair()[1]

    def decrypt(self, message: bytes) -> bytes:
        """Return the plain bytes; what was encrypted for another key comes out as nonsense or as nothing."""
        key = serialization.load_pem_private_key(self._pair()[0].encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the stored key is not an RSA key")
        try:
            return key.decrypt(message, padding.PKCS1v15())
        except ValueError:
            return b""

    def _pair(self) -> tuple[str, str]:
        """Return the private key and the certificate as PEM."""
        row = self._store.one("SELECT private_key, certificate FROM mpesa_certificate")
        if row is None:
            private_key, certificate = _new_pair()
            self._store.execute(
                "INSERT INTO mpesa_certificate (id, private_key, certificate) VALUES (1, ?, ?)",
                (private_key, certificate),
            )
            return private_key, certificate
        return row["private_key"], row["certificate"]

    async def download(self, _: Request) -> Response:
        if not CAN_DECRYPT:
            raise HTTPException(404, "There is no certificate: the package cryptography is not installed.")
        return Response(self.pem(), media_type="application/x-x509-ca-cert")


def _new_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Payment simulator, for tests only")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    private_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private_key.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


class Initiators:
    def __init__(self, settings: DarajaSettings, store: Store, certificate: Certificate) -> None:
        self._settings = settings
        self._store = store
        self._certificate = certificate

    def check(self, name: str, credential: str) -> str | None:
        """Return the result code of a request that this initiator may not make, None if he may.

        Two wrong credentials in a row lock the name, until the simulator is reset.
        """
        row = self._store.one("SELECT wrong_tries FROM mpesa_initiator WHERE name = ?", (name,))
        wrong_tries: int = row["wrong_tries"] if row else 0
        if wrong_tries >= TRIES:
            return results.PIN_LOCKED
        right = name == self._settings.initiator_name and self._opens(credential)
        self._store.execute(
            "INSERT OR REPLACE INTO mpesa_initiator (name, wrong_tries) VALUES (?, ?)",
            (name, 0 if right else wrong_tries + 1),
        )
        return None if right else results.WRONG_PIN

    def _opens(self, credential: str) -> bool:
        if credential == PLAIN_CREDENTIAL:
            return True
        if not CAN_DECRYPT:
            return True
        password = self._certificate.decrypt(base64.b64decode(credential))
        return compare_digest(password, self._settings.initiator_password.encode())

    def clear(self) -> None:
        """Unlock everybody. The certificate stays: merchants keep what they encrypted with it."""
        self._store.execute("DELETE FROM mpesa_initiator")


def is_credential(text: str) -> bool:
    """Tell whether a text has the form of a SecurityCredential."""
    if text == PLAIN_CREDENTIAL:
        return True
    try:
        return len(base64.b64decode(text, validate=True)) in CREDENTIAL_BYTES
    except (binascii.Error, ValueError):
        return False
