"""Mail from template files: the first line is the subject, the rest the text."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

Attachment = tuple[str, bytes, str]  # file name, content, media type


def send_template(
    name: str,
    *,
    to: str,
    context: dict[str, Any],
    headers: dict[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
) -> None:
    """Render ``mail/<name>.txt`` and send it. Raises what the mail backend raises; owed work tries again."""
    text = render_to_string(f"mail/{name}.txt", context | {"shop_name": settings.SHOP_NAME})
    subject, _, body = text.strip().partition("\n")
    mail = EmailMessage(
        subject=subject.strip(), body=body.strip() + "\n", to=[to], headers=headers, attachments=attachments
    )
    mail.send()
