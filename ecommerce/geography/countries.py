"""The countries that there are, and how the postal codes of some of them look."""

import re
from collections.abc import Mapping
from types import MappingProxyType

# Source: ISO 3166-1, the officially assigned alpha-2 codes.
_ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES = frozenset(_ISO_3166.split())

# Where every address has one, and letters go astray without. Source: the Universal Postal Union's addressing guides.
_POSTAL_CODES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        country: re.compile(pattern, re.ASCII)
        for countries, pattern in (
            ("AT AU BE CH DK NO NZ ZA", r"\d{4}"),
            ("DE ES FI FR IT TR", r"\d{5}"),
            ("SE", r"\d{3} ?\d{2}"),
            ("CN IN SG", r"\d{6}"),
            ("JP", r"\d{3}-?\d{4}"),
            ("NL", r"\d{4} ?[A-Z]{2}"),
            ("PL", r"\d{2}-\d{3}"),
            ("PT", r"\d{4}-\d{3}"),
            ("BR", r"\d{5}-?\d{3}"),
            ("US", r"\d{5}(-\d{4})?"),
            ("CA", r"[A-Z]\d[A-Z] ?\d[A-Z]\d"),
            ("GB", r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"),
        )
        for country in countries.split()
    }
)


def needs_postal_code(country: str) -> bool:
    return country in _POSTAL_CODES


def is_postal_code(country: str, text: str) -> bool:
    """Tell whether ``text``, in capitals, can be a postal code there. Where we know no rule, every text can."""
    pattern = _POSTAL_CODES.get(country)
    return pattern is None or pattern.fullmatch(text) is not None
