#!/usr/bin/env python
"""Django's command line for the shop."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong setting is the operator's to mend: one sentence serves better than a trace.
        sys.exit(f"Not started: {error}")


if __name__ == "__main__":
    main()
