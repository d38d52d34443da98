"""The database's part of a start, in one Django process instead of four; runs inside the virtual environment.

Every step is announced on a line that begins with ``STEP``, which the launcher shows while it waits.
"""

import os
import sys

STEP = "== "
ADMIN_EMAIL = "admin@bytemtaani.local"
ADMIN_IS_KNOWN = "ADMIN_PASSWORD is the administrator's password."


def main(arguments: list[str]) -> int:
    """Migrate; unless ``--production`` is among the arguments, also fill an empty shop and make its admin."""
    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    _announce("settings")
    django.setup()
    _announce("migrations")
    call_command("migrate", interactive=False)
    if "--production" in arguments:
        _announce("static files")
        call_command("collectstatic", interactive=False, verbosity=0)
        return 0
    _announce("sample shop")
    call_command("load_sample_shop", "--if-empty")
    _announce("administrator")
    call_command("createadmin", "--email", ADMIN_EMAIL, "--if-missing")
    admin = get_user_model().objects.filter(email=ADMIN_EMAIL).first()
    if admin is not None and admin.check_password(os.environ.get("ADMIN_PASSWORD", "")):
        print(ADMIN_IS_KNOWN)
    return 0


def _announce(step: str) -> None:
    print(f"{STEP}{step}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
