"""Google and Facebook on this machine: keys, tokens signed with them, and the addresses that the shop asks."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CLIENT_ID = "1234567890-web.apps.googleusercontent.com"
OTHER_CLIENT_ID = "1234567890-android.apps.googleusercontent.com"
APP_ID, APP_SECRET = "530053863835233", "not-a-secret"
SUBJECT = "110169484474386276334"


class Signer:
    """A provider's key."""

    def __init__(self, key_id: str, bits: int = 2048) -> None:
        self.key_id = key_id
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=bits)

    def public(self, **changes: Any) -> dict[str, Any]:
        described = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return described | {"kid": self.key_id, "use": "sig", "alg": "RS256"} | changes

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, claims: dict[str, Any], **headers: Any) -> str:
        payload = json.dumps(claims).encode()  # PyJWT would not sign claims of other kinds than the standard's
        return jwt.api_jws.encode(payload, self.private, algorithm="RS256", headers={"kid": self.key_id} | headers)


def google_claims(**changes: Any) -> dict[str, Any]:
    """Return what Google says of somebody; a change to None takes a claim away."""
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "azp": OTHER_CLIENT_ID,
        "aud": CLIENT_ID,
        "sub": SUBJECT,
        "email": "wanjiku@example.com",
        "email_verified": True,
        "name": "Wanjiku Kamau",
        "given_name": "Wanjiku",
        "family_name": "Kamau",
        "iat": now,
        "exp": now + 3600,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def facebook_claims(**changes: Any) -> dict[str, Any]:
    own = {"iss": "https://www.facebook.com", "aud": APP_ID, "azp": None, "email_verified": None, "sub": "35002149"}
    return google_claims(**(own | changes))


def encoded(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


class Stand:
    """Answers by path; what was asked is kept."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any, dict[str, str]]] = {}
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.url = ""

    def answer(self, path: str, value: Any, *, status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, value, {name.replace("_", "-"): text for name, text in headers.items()})

    def keys(self, *signers: Signer, path: str = "/google/keys", cache_control: str = "public, max-age=19800") -> None:
        self.answer(path, {"keys": [signer.public() for signer in signers]}, cache_control=cache_control)

    def times_asked(self, path: str) -> int:
        return sum(1 for asked, _, _ in self.asked if asked == path)


@contextmanager
def standing() -> Iterator[Stand]:
    stand = Stand()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            stand.asked.append((parts.path, query, dict(self.headers)))
            status, value, headers = stand.answers.get(parts.path, (404, {}, {}))
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield stand
        server.shutdown()
        thread.join()
