"""A fresh page for each test, in the one browser of all tests."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of a browser that knows nothing; the test fails when the page complains or a request of it fails."""
    complaints: list[str] = []

    def note_failed_request(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # leaving a page ends what it was asking for
            complaints.append(f"failed: {request.url}")

    def note_answer(response: Any) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status}: {response.url}")

    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", note_failed_request)
    page.on("response", note_answer)
    yield page
    context.close()
    assert complaints == []
