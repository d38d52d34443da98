"""Small values that must outlive a run: ports, passwords, keys. Files of mode 0600, written whole or not at all."""

import json
import os
import secrets
from pathlib import Path

# Without l, I, 1, O and 0, because some of these secrets are read from a screen and typed.
_EASY = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``, readable by its owner alone; a crash leaves the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def recall(path: Path) -> dict[str, str]:
    """Return the values kept in ``path``; nothing when it is missing or unreadable as JSON."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {}


def remember(path: Path, values: dict[str, str]) -> None:
    """Keep ``values`` in ``path``, unless they are there already."""
    if recall(path) != values:
        write_private(path, json.dumps(values, indent=2) + "\n")


def kept_secret(path: Path, length: int) -> str:
    """Return the secret kept in ``path``, made at the first call: so many letters and digits."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = ""
    if not text:
        text = "".join(secrets.choice(_EASY) for _ in range(length))
        write_private(path, text + "\n")
    return text
