"""Mail from template files: the first line is the subject, the rest the text."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string


def send_template(name: str, *, to: str, context: dict[str, Any], headers: dict[str, str] | None = None) -> None:
    """Render ``mail/<name>.txt`` and send it. Raises what the mail backend raises; owed work tries again."""
    text = render_to_string(f"mail/{name}.txt", context | {"shop_name": settings.SHOP_NAME})
    subject, _, body = text.strip().partition("\n")
    EmailMessage(subject=subject.strip(), body=body.strip() + "\n", to=[to], headers=headers).send()
