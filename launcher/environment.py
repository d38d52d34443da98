"""The shop's settings: the environment first, then ``.env``, then what the launcher fills in."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from launcher.memory import write_private

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def read_env_file(path: Path) -> dict[str, str]:
    """Return the ``KEY=value`` lines of a file; nothing when there is none. Quotes around a value are removed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    values = {}
    for line in text.splitlines():
        if found := _LINE.fullmatch(line.strip()):
            values[found[1]] = _unquoted(found[2])
    return values


def _unquoted(text: str) -> str:
    if quoted := re.fullmatch(r"""(["'])(.*)\1(?:\s+#.*)?""", text):
        return quoted[2]
    return re.sub(r"(^|\s+)#.*", "", text)


def write_env_file(path: Path, values: Mapping[str, str]) -> None:
    """Write ``KEY=value`` lines, readable by the owner alone."""
    lines = [f"{key}={value}\n" for key, value in values.items() if "\n" not in value]
    write_private(
        path, "# Written by ./shop run at every start; put settings of your own into .env.\n" + "".join(lines)
    )


def child_environment(
    from_file: Mapping[str, str] | None = None, filled_in: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return this process's environment, below it ``from_file``, below that ``filled_in``.

    In a file an empty value is a value, as it is for the shop's settings; ``filled_in`` replaces empty ones too.
    What would make a child look for its packages elsewhere is left out.
    """
    merged = {**(from_file or {}), **os.environ}
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        merged.pop(name, None)
    for name, value in (filled_in or {}).items():
        if not merged.get(name):
            merged[name] = value
    return merged
