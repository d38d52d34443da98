"""Reading parameters one by one, as strictly as Stripe does: unknown names are refused."""

import re
from collections.abc import Mapping
from typing import Any

from simulator.stripe.errors import StripeError, invalid
from simulator.stripe.money import CURRENCIES, LARGEST_AMOUNT, major, smallest_amount, zeros_at_the_end

MOST_METADATA = 50
METADATA_NAME_LENGTH = 40
METADATA_VALUE_LENGTH = 500
TEXT_LENGTH = 5000


class Fields:
    """The parameters of a request, or those inside one of them. Every method raises StripeError."""

    def __init__(self, form: Mapping[str, Any], path: str = "") -> None:
        self._form = form
        self._path = path
        self._read: set[str] = set()

    def name_of(self, name: str) -> str:
        """Return a parameter's name as the merchant wrote it, with the brackets around it."""
        return f"{self._path}[{name}]" if self._path else name

    def has(self, name: str) -> bool:
        return name in self._form

    def _value(self, name: str, *, required: bool = False) -> Any:
        self._read.add(name)
        value = self._form.get(name)
        if required and value is None:
            raise invalid(
                f"Missing required param: {self.name_of(name)}.", code="parameter_missing", param=self.name_of(name)
            )
        if required and value == "":
            param = self.name_of(name)
            raise invalid(
                f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter;"
                f" however '{param}' cannot be unset. You should remove '{param}' from your request or supply a"
                " non-empty value.",
                code="parameter_invalid_empty",
                param=param,
            )
        return value

    def text(self, name: str, *, longest: int = TEXT_LENGTH, required: bool = False) -> str | None:
        """Return a text; an empty one is None, as it unsets."""
        value = self._value(name, required=required)
        if value is not None and not isinstance(value, str):
            raise invalid("Invalid string: must be a string", param=self.name_of(name))
        if value and len(value) > longest:
            raise invalid(
                f"Invalid string: {value[:10]}...; must be at most {longest} characters", param=self.name_of(name)
            )
        return value or None

    def required_text(self, name: str, *, longest: int = TEXT_LENGTH) -> str:
        return self.text(name, longest=longest, required=True) or ""

    def integer(self, name: str, *, required: bool = False, smallest: int = 1) -> int | None:
        value = self._value(name, required=required)
        if value in (None, ""):
            return None
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", code="parameter_invalid_integer", param=self.name_of(name))
        if int(value) < smallest:
            raise invalid(
                f"This value must be greater than or equal to {smallest}.",
                code="parameter_invalid_integer",
                param=self.name_of(name),
            )
        return int(value)

    def amount(self, name: str) -> int | None:
        """Return an amount in the smallest unit, None when there is none."""
        amount = self.integer(name)
        if amount is not None and amount > LARGEST_AMOUNT:
            raise too_large(self.name_of(name))
        return amount

    def currency(self, name: str = "currency") -> str:
        value = self.required_text(name).lower()
        if value not in CURRENCIES:
            raise invalid(
                f"Invalid currency: {value}. Stripe currently supports these currencies: "
                + ", ".join(sorted(CURRENCIES)),
                param=self.name_of(name),
            )
        return value

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self._value(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", param=self.name_of(name))
        return bool(value == "true")

    def choice(self, name: str, options: tuple[str, ...], *, required: bool = False) -> str | None:
        value = self.text(name, required=required)
        if value is not None and value not in options:
            listed = ", ".join(options[:-1]) + f", or {options[-1]}" if len(options) > 1 else options[0]
            raise invalid(f"Invalid {self.name_of(name)}: must be one of {listed}", param=self.name_of(name))
        return value

    def metadata(self, name: str = "metadata", kept: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return metadata merged into what is kept; an empty value removes its key, an empty text all of them."""
        value = self._value(name)
        if value is None:
            return dict(kept or {})
        if value == "":
            return {}
        if not isinstance(value, dict) or any(not isinstance(text, str) for text in value.values()):
            raise invalid("Invalid hash", param=self.name_of(name))
        for key, text in value.items():
            if len(key) > METADATA_NAME_LENGTH or len(text) > METADATA_VALUE_LENGTH:
                raise invalid(
                    f"Metadata keys can have up to {METADATA_NAME_LENGTH} characters and values up to"
                    f" {METADATA_VALUE_LENGTH}; {key[:METADATA_NAME_LENGTH]} has more.",
                    param=self.name_of(name),
                )
        merged = {key: text for key, text in {**(kept or {}), **value}.items() if text}
        if len(merged) > MOST_METADATA:
            raise invalid(f"Metadata can have up to {MOST_METADATA} keys.", param=self.name_of(name))
        return merged

    def inner(self, name: str) -> "Fields | None":
        """Return the parameters inside an object, None when there is no such object."""
        value = self._value(name)
        if value in (None, ""):
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=self.name_of(name))
        return Fields(value, self.name_of(name))

    def required_inner(self, name: str) -> "Fields":
        inner = self.inner(name)
        if inner is None:
            raise invalid(
                f"Missing required param: {self.name_of(name)}.", code="parameter_missing", param=self.name_of(name)
            )
        return inner

    def texts(self, name: str) -> list[str]:
        value = self._value(name)
        listed = _as_list({} if value in (None, "") else value)
        if listed is None or any(not isinstance(text, str) for text in listed):
            raise invalid("Invalid array", param=self.name_of(name))
        return listed

    def inners(self, name: str) -> list["Fields"]:
        """Return the parameters inside each object of a list."""
        value = self._value(name)
        listed = _as_list({} if value in (None, "") else value)
        if listed is None or any(not isinstance(item, dict) for item in listed):
            raise invalid("Invalid array", param=self.name_of(name))
        return [Fields(item, f"{self.name_of(name)}[{number}]") for number, item in enumerate(listed)]

    def raw(self, name: str) -> dict[str, Any] | list[Any] | str | None:
        """Return a parameter that is given back as it came."""
        value: dict[str, Any] | list[Any] | str | None = self._value(name)
        return value

    def refuse_rest(self, *unused: str) -> None:
        """Refuse parameters that nothing has read; those in ``unused`` may be there."""
        for name in self._form:
            if name not in self._read and name not in unused:
                raise invalid(
                    f"Received unknown parameter: {self.name_of(name)}",
                    code="parameter_unknown",
                    param=self.name_of(name),
                )


def _as_list(value: Any) -> list[Any] | None:
    """Return what was written as a list, with empty brackets or with any numbers in them; None for anything else."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(key.isascii() and key.isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return None


def check_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that Stripe takes in no payment.

    Raises:
        StripeError: too small, too large, or without the zeros that some currencies want at the end.
    """
    if amount > LARGEST_AMOUNT:
        raise too_large(param)
    smallest = smallest_amount(currency)
    if amount < smallest:
        raise invalid(
            f"Amount must be at least {major(smallest, currency)} {currency}", code="amount_too_small", param=param
        )
    zeros = zeros_at_the_end(currency)
    if amount % 10**zeros:
        raise invalid(
            f"Invalid amount: an amount in {currency} must end in {'0' * zeros}",
            code="parameter_invalid_integer",
            param=param,
        )


def too_large(param: str) -> StripeError:
    return invalid("Amount must be no more than 99999999", code="amount_too_large", param=param)
