"""The program that hashes passwords: `python -I helper.py`, one question on each line of its input.

    ["bcrypt", {"password": "maji-ya-chai-7", "salt": "$2b$…"}]    →    [true, "$2b$…"]    or    [false, "ValueError"]

A process of its own, because a thread that hashes has to take Python's lock again when it is done: one that leaves the
processor to others first leaves it to them with the lock in its hands, and all of its process stands still. This one
knows neither settings nor database, keeps nothing, and ends when its input does.
"""

import hashlib
import json
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NICENESS = 10


def argon2(password: str, salt: str, **costs: int) -> str:
    from argon2.low_level import Type, hash_secret

    return hash_secret(password.encode(), salt.encode(), type=Type.ID, **costs).decode()


def argon2_matches(password: str, encoded: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerificationError

    try:
        return PasswordHasher().verify(encoded, password)
    except VerificationError:
        return False


def bcrypt(password: str, salt: str) -> str:
    from bcrypt import hashpw

    return hashpw(password.encode(), salt.encode()).decode()


def pbkdf2(password: str, salt: str, iterations: int, digest: str) -> str:
    return hashlib.pbkdf2_hmac(digest, password.encode(), salt.encode(), iterations).hex()


WORK: dict[str, Callable[..., str | bool]] = {each.__name__: each for each in (argon2, argon2_matches, bcrypt, pbkdf2)}


def answer(line: bytes) -> bytes:
    name, arguments = json.loads(line)
    try:
        return json.dumps([True, WORK[name](**arguments)]).encode()
    except Exception as error:  # noqa: BLE001 - whoever asks decides what it means; its text might hold the password
        return json.dumps([False, type(error).__name__]).encode()


def step_back() -> None:
    """Leave the processor to others first.

    Where the kernel shares it out among sessions before processes, niceness counts inside a session only; the session,
    which is this process's own, is told too. Source: sched(7), "The autogroup feature".
    """
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # passwords on a disk
    step_back()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(answer(line) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
