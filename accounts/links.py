"""Tokens in links that are sent by mail: only their SHA-256 is kept."""

import hashlib


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
