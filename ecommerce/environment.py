"""Reading the environment: what every part of the settings needs, and how a value is refused."""

import os
import re
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if os.environ.get("ENVIRONMENT") not in ("production", "test") and os.environ.get("ENV_FILES") != "none":
    # First come, first kept: the real environment, then the developer's file, then what `./shop run` made.
    for env_file in (BASE_DIR / ".env", BASE_DIR / ".shop" / "env"):
        if env_file.is_file():
            environ.Env.read_env(env_file)

ENVIRONMENT = env.str("ENVIRONMENT", default="production")
if ENVIRONMENT not in ("production", "local", "test"):
    raise ImproperlyConfigured(f"ENVIRONMENT is {ENVIRONMENT!r}; it must be production, local or test.")
PRODUCTION = ENVIRONMENT == "production"


def required(name: str, local_default: str) -> str:
    """Return a setting that production must name itself.

    Raises:
        ImproperlyConfigured: it is missing or empty in production.
    """
    value: str = env.str(name, default="" if PRODUCTION else local_default)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set; production cannot start without it.")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """Return a setting that is on or off. A misspelt word must not count as off."""
    text: str = env.str(name, default="").strip().lower()
    if not text:
        return default
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}; it must be true or false.")


def whole_number(name: str, default: int, *, least: int = 1, most: int) -> int:
    text: str = env.str(name, default="").strip() or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and least <= int(text) <= most):
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number from {least} to {most}.")
    return int(text)


def rate(name: str, default: str) -> str:
    """Return a limit as ``count/seconds``."""
    text: str = env.str(name, default="").strip() or default
    if not re.fullmatch(r"[0-9]{1,9}/[1-9][0-9]{0,8}", text):
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be count/seconds, such as 10/60.")
    return text
