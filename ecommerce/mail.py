"""Mail from template files: the first line is the subject, the rest the text.

``mail/<name>.txt`` is in English; ``mail/<name>.sw.txt``, where there is one, says the same in Swahili. A mail that was
not translated goes out in English, whatever its reader speaks.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.translation import override

Attachment = tuple[str, bytes, str]  # file name, content, media type


def send_template(
    name: str,
    *,
    to: str,
    context: dict[str, Any],
    headers: dict[str, str] | None = None,
    attachments: Sequence[Attachment] = (),
    language: str = "",
) -> None:
    """Render ``mail/<name>.txt`` and send it, in ``language`` (``sw``) where it was translated.

    Raises what the mail backend raises; owed work tries again.
    """
    text = _rendered(name, language, context | {"shop_name": settings.SHOP_NAME})
    subject, _, body = text.strip().partition("\n")
    mail = EmailMessage(
        subject=subject.strip(), body=body.strip() + "\n", to=[to], headers=headers, attachments=attachments
    )
    mail.send()


def _rendered(name: str, language: str, context: dict[str, Any]) -> str:
    """Render the translation if there is one; names of months speak the language of the text around them."""
    if language and language != settings.LANGUAGE_CODE:
        with suppress(TemplateDoesNotExist), override(language):
            return render_to_string(f"mail/{name}.{language}.txt", context)
    with override(settings.LANGUAGE_CODE):
        return render_to_string(f"mail/{name}.txt", context)
