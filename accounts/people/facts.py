"""What other apps can tell support about somebody: how many orders, what is open. Accounts do not know these apps."""

from collections.abc import Callable
from typing import Any

from accounts.models import User

# By the name under which an app's answer is shown; one statement each.
facts: dict[str, Callable[[User], dict[str, Any]]] = {}
