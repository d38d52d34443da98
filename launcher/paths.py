"""Where things live, and which account the database server runs as.

PostgreSQL refuses to run as root. Started by root, it runs as an unprivileged account, which must be able to walk to
its program and to its data; a checkout below a private home folder (mode 0700) is closed to it, so then both live in
``/var/lib/bytemtaani``.
"""

import hashlib
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError

UNPRIVILEGED = ("postgres", "nobody")  # the first that exists serves PostgreSQL when root starts it
SHARED_BASE = Path("/var/lib/bytemtaani")
# Kept across reboots, unlike /tmp. Anybody may write there, so shared_base() looks at whose folder it finds.
SHARED_BASE_FALLBACK = Path("/var/tmp")  # noqa: S108


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Checkout:
    """The folders and files of one copy of the project."""

    root: Path

    @property
    def state(self) -> Path:
        """Everything that ``./shop reset`` deletes."""
        return self.root / ".shop"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def env_file(self) -> Path:
        """The running shop's environment, for ``manage.py`` by hand."""
        return self.state / "env"

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter that has the packages."""
        return self.venv / "bin" / "python"

    def make_state(self) -> None:
        """Create the state folder.

        Raises:
            LauncherError: it belongs to someone else or the place is read-only.
        """
        try:
            # Root's unprivileged server must walk through; what is private in there has mode 0600 or 0700.
            self.state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, exist_ok=True)
            self.log.mkdir(mode=0o700, exist_ok=True)
            probe = self.log / f".probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except PermissionError:
            raise LauncherError(
                f"{self.state} cannot be written by this user; if it was made by root, run ./shop as root again "
                f"or give it back with: sudo chown -R {_user_name(os.geteuid())} {self.state}"
            ) from None


def here() -> Checkout:
    """Return the checkout that this code belongs to."""
    return Checkout(Path(__file__).resolve().parent.parent)


def server_account(data: Path | None = None) -> Account | None:
    """Return the account to run PostgreSQL as, or None for the present one.

    The owner of existing ``data`` comes first: PostgreSQL insists on it.
    """
    if os.geteuid() != 0:
        return None
    if data is not None and data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(_user_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LauncherError(
        "PostgreSQL does not run as root, and there is no user named postgres or nobody to run it as; create one "
        "(useradd --system postgres) or start ./shop as an ordinary user."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def can_reach(account: Account | None, folder: Path) -> bool:
    """Tell whether the account can walk to ``folder``, or to its nearest parent that exists."""
    if account is None:
        return True
    while not folder.exists():
        folder = folder.parent
    # Asked of the kernel, which knows access lists and mount options; reading mode bits would not.
    walk = subprocess.run(
        ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return walk.returncode == 0


def reachable(folder: Path, account: Account | None) -> Path:
    """Return ``folder``, or its stand-in below the shared base when the account cannot walk to it."""
    if can_reach(account, folder):
        return folder
    return shared_base() / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def shared_base() -> Path:
    """Return root's folder outside any home, created when missing.

    Raises:
        LauncherError: nothing suitable can be made, or another user has squatted the name.
    """
    fallback = SHARED_BASE_FALLBACK / f"bytemtaani-{os.geteuid()}"
    for base in (SHARED_BASE, fallback):
        try:
            base.mkdir(mode=0o755, exist_ok=True)
            if _is_ours(base):
                base.chmod(0o755)  # whatever the umask is
                return base
        except OSError:
            continue
    raise LauncherError(
        f"Neither {SHARED_BASE} nor {fallback} can be used for the database; "
        "start ./shop as an ordinary user or move the checkout to a folder that other users can enter."
    )


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def cache_candidates(account: Account | None) -> list[Path]:
    """Return the folders that may hold unpacked programs, best first."""
    state = here().state
    if account is not None:
        return [state] if can_reach(account, state) else [shared_base()]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [Path(home) / "bytemtaani", state]
