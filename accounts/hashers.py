"""How passwords are hashed.

Argon2id with 19 MiB, two passes and one lane, the smallest that OWASP's cheat sheet on password storage advises.
Django's own setting (100 MiB, eight lanes) takes two cores a second for eight log-ins; the figures are in
docs/decisions/0018-password-hashing.md. All of it is done in processes of their own, few at a time: accounts/hashing/.
"""

import base64
import binascii
from typing import Any

from django.contrib.auth import hashers

from accounts.hashing.pool import pool


class Argon2Hasher(hashers.Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        params = self.params()
        hashed = pool.ask(
            "argon2",
            password=password,
            salt=salt,
            time_cost=params.time_cost,
            memory_cost=params.memory_cost,
            parallelism=params.parallelism,
            hash_len=params.hash_len,
        )
        return f"{self.algorithm}{hashed}"

    def verify(self, password: str, encoded: str) -> bool:
        return bool(pool.ask("argon2_matches", password=password, encoded=encoded.removeprefix("argon2")))


class BcryptHasher(hashers.BCryptSHA256PasswordHasher):
    """For accounts from before; each gets an Argon2 hash at its next log-in. Verifying encodes."""

    def encode(self, password: str, salt: Any) -> str:
        if self.digest is not None:
            password = binascii.hexlify(self.digest(password.encode()).digest()).decode()
        salt = salt if isinstance(salt, str) else salt.decode()
        return f"{self.algorithm}${pool.ask('bcrypt', password=password, salt=salt)}"


class PlainBcryptHasher(BcryptHasher):
    """bcrypt without SHA-256 before it, as other systems make it."""

    algorithm = "bcrypt"
    digest = None


class PBKDF2Hasher(hashers.PBKDF2PasswordHasher):
    """Django's default, for accounts from before. Verifying encodes."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        iterations = iterations or self.iterations
        digest = pool.ask("pbkdf2", password=password, salt=salt, iterations=iterations, digest=self.digest().name)
        return f"{self.algorithm}${iterations}${salt}${base64.b64encode(bytes.fromhex(digest)).decode()}"
