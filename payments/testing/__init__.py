"""What ships with the shop for people who test their own parts of it: see ``payments.testing.conformance``."""

import pytest

# The rules are asserts in modules that are no test files: without this a broken one would not show its values.
pytest.register_assert_rewrite(
    "payments.testing.collecting",
    "payments.testing.hooks",
    "payments.testing.money_out",
    "payments.testing.webhooks",
)
