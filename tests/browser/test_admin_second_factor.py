"""Staff set a second factor up in a browser, and log in with it."""

import re

import pytest

from tests.accounts.second_factor.phones import Clock, Phone, secret_of
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_staff_set_one_up_and_log_in_with_it(page, live_server, settings, monkeypatch, tmp_path, size):
    settings.STAFF_SECOND_FACTOR_REQUIRED = True
    clock = Clock()
    monkeypatch.setattr("accounts.second_factor.proof.time", clock)
    clerk = UserFactory(email="admin@example.com", is_staff=True, is_superuser=True, role="admin")
    page.set_viewport_size({"width": size[0], "height": size[1]})

    def log_in():
        page.goto(f"{live_server.url}/admin/")
        page.get_by_label("Email").fill("admin@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()

    log_in()
    page.wait_for_url("**/admin/second-factor/")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    phone = Phone(clerk, secret_of(page.locator("#secret").inner_text()), clock, [])
    picture = page.locator("#qr-code svg").bounding_box()
    page.screenshot(path=tmp_path / "begun.png")
    page.get_by_label("Code").fill(phone.code())
    page.get_by_role("button", name="Confirm").click()
    codes = page.locator("#recovery-codes li").all_inner_texts()
    page.screenshot(path=tmp_path / "codes.png")
    clock.next_step()
    page.context.clear_cookies()
    log_in()
    page.locator("#second-step").wait_for()
    page.screenshot(path=tmp_path / "second-step.png")
    page.get_by_label("Code").fill(phone.code())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")

    assert picture["width"] == picture["height"] <= 256
    assert picture["width"] >= 200
    assert len(codes) == 10
    assert all(re.fullmatch(r"\w{4}-\w{4}-\w{4}", code) for code in codes)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
