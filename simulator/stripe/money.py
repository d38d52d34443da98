"""Stripe's amounts: whole numbers of the smallest unit. Source: Stripe documentation, Currencies."""

from decimal import ROUND_HALF_UP, Decimal

LARGEST_AMOUNT = 99_999_999
_ZERO = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf"
_THREE = "bhd jod kwd omr tnd"
_TWO = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc"
    " cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr"
    " kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk"
    " php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu"
    " uzs wst xcd yer zar zmw"
)
_EXPONENTS = {
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_THREE.split(), 3),
}
CURRENCIES = frozenset(_EXPONENTS)
# Stripe names minima for currencies of settlement only; every other amount from 1 on is taken here.
_SMALLEST = {
    **dict.fromkeys(("usd", "eur", "aud", "cad", "chf", "nzd", "sgd", "brl", "inr"), 50),
    **{"gbp": 30, "jpy": 50, "aed": 200, "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "hkd": 400, "mxn": 1000},
}
# Cards cost 2.9 % and 30 of the smallest unit.
_FEE_SHARE = Decimal("0.029")
_FEE_FIXED = 30
DISPUTE_FEE = 1500


def exponent(currency: str) -> int:
    """Return how many decimals separate the smallest unit from the major one."""
    return _EXPONENTS[currency]


def zeros_at_the_end(currency: str) -> int:
    """Return how many zeros an amount must end in: krónur are written with decimals that they do not have."""
    if currency == "isk":
        return 2
    return 1 if exponent(currency) == 3 else 0


def smallest_amount(currency: str) -> int:
    return _SMALLEST.get(currency, 1)


def major(amount: int, currency: str) -> str:
    """Write an amount in major units, with at least two places."""
    places = exponent(currency)
    return f"{Decimal(amount).scaleb(-places):.{max(places, 2)}f}"


def fee(amount: int) -> int:
    share = (amount * _FEE_SHARE).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return min(amount, int(share) + _FEE_FIXED)
