"""Units that numbers may have, and how numbers are read: ``128 GB``, ``6.5"``, ``5,000mAh``."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, localcontext

PLACES = Decimal("0.000001")
LIMIT = Decimal(10) ** 15  # what a number stays below, whatever its unit

# By what is measured: how much each unit is of the first one, and how else people write it. Data is decimal, as on the
# box of a phone: 1 TB is 1000 GB. A month is the twelfth of a year.
_TABLE: tuple[dict[str, tuple[str, str]], ...] = (
    {
        "GB": ("1", "gib gigabyte gigabytes gig"),
        "B": ("0.000000001", "byte bytes"),
        "KB": ("0.000001", "kib kilobyte kilobytes"),
        "MB": ("0.001", "mib megabyte megabytes"),
        "TB": ("1000", "tib terabyte terabytes"),
    },
    {"Mbps": ("1", "mbit/s"), "kbps": ("0.001", "kbit/s"), "Gbps": ("1000", "gbit/s")},
    {
        "cm": ("1", "centimetre centimetres centimeter centimeters"),
        "mm": ("0.1", "millimetre millimetres millimeter millimeters"),
        "m": ("100", "metre metres meter meters"),
        "km": ("100000", "kilometre kilometres kilometer kilometers"),
        "in": ("2.54", '" inch inches ″ ”'),
        "ft": ("30.48", "' foot feet"),
    },
    {
        "kg": ("1", "kgs kilogram kilograms kilo kilos"),
        "mg": ("0.000001", "milligram milligrams"),
        "g": ("0.001", "gr gram grams"),
        "lb": ("0.45359237", "lbs pound pounds"),
        "oz": ("0.028349523125", "ounce ounces"),
    },
    {"mAh": ("1", ""), "Ah": ("1000", "")},
    {"Wh": ("1", ""), "kWh": ("1000", "")},
    {
        "W": ("1", "watt watts"),
        "mW": ("0.001", "milliwatt milliwatts"),
        "kW": ("1000", "kilowatt kilowatts"),
        "hp": ("745.699872", "horsepower"),
    },
    {"V": ("1", "volt volts vac vdc"), "mV": ("0.001", "millivolt millivolts"), "kV": ("1000", "kilovolts")},
    {"A": ("1", "amp amps ampere amperes"), "mA": ("0.001", "milliamp milliamps")},
    {
        "GHz": ("1", "gigahertz"),
        "MHz": ("0.001", "megahertz"),
        "kHz": ("0.000001", "kilohertz"),
        "Hz": ("1e-9", "hertz"),
    },
    {
        "L": ("1", "lt ltr ltrs litre litres liter liters"),
        "ml": ("0.001", "millilitre millilitres milliliter milliliters"),
    },
    {
        "h": ("1", "hr hrs hour hours"),
        "min": ("0.016666666667", "mins minute minutes"),
        "s": ("0.000277777778", "sec secs second seconds"),
    },
    {
        "months": ("1", "month mo mths"),
        "years": ("12", "year yr yrs"),
        "weeks": ("0.230136986301", "week wk wks"),
        "days": ("0.032876712329", "day"),
    },
    {"MP": ("1", "megapixel megapixels mpx mpix")},
    {"rpm": ("1", "r/min")},
    {"lm": ("1", "lumen lumens")},
    {"nits": ("1", "nit cd/m2")},
    {"px": ("1", "pixel pixels")},
    {"dB": ("1", "decibel decibels")},
    {"°C": ("1", "c celsius degc")},
    {"%": ("1", "percent pct")},
    {"m²": ("1", "m2 sqm")},
)

UNITS = tuple(unit for group in _TABLE for unit in group)

# As catalog_amount() in the database has it.
_NUMBER = re.compile(r"([+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,9})?) ?((?:[^0-9 .,+-].{0,19})?)")


class NotANumber(ValueError):
    """A text is no number, or far too large a one."""


class UnknownUnit(ValueError):
    """A number has a unit that cannot be turned into the one that is wanted."""


def fold_text(text: str) -> str:
    """Return a text without case and accents, single-spaced: as ``catalog_facet`` in the database folds values."""
    decomposed = unicodedata.normalize("NFD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.lower().split())


def factors(unit: str) -> dict[str, str]:
    """Return by what a number is multiplied that has this or that unit, or none, to be one in ``unit``."""
    found = {"": "1"}
    for group in _TABLE:
        if unit in group:
            with localcontext(prec=30):
                own = Decimal(group[unit][0])
                for other, (amount, spellings) in group.items():
                    factor = f"{(Decimal(amount) / own).normalize():f}"
                    # Many spellings, but no two units of a group that differ in case alone.
                    found |= dict.fromkeys((fold_text(other), *spellings.split()), factor)
    return found


def parse_number(text: str, unit_factors: dict[str, str]) -> Decimal:
    """Return a number in the unit that ``unit_factors`` are of, with six places at most.

    Raises:
        NotANumber: the text is none.
        UnknownUnit: it has a unit of something else.
    """
    match = _NUMBER.fullmatch(fold_text(text))
    if match is None:
        raise NotANumber
    factor = unit_factors.get(match[2])
    if factor is None:
        raise UnknownUnit
    with localcontext(prec=60):
        number = (Decimal(match[1].replace(",", "")) * Decimal(factor)).quantize(PLACES, ROUND_HALF_UP)
    if abs(number) >= LIMIT:
        raise NotANumber
    return number


def shown(number: Decimal) -> str:
    """Return a number without zeros at its end, as facets have it: ``128``, ``6.5``."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
