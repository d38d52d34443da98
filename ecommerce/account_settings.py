"""Settings of log-ins, tokens and keys."""

from datetime import timedelta

from ecommerce.environment import whole_number

# An opaque token ends when it is not used for so long. When it was used last is written down once a minute at most.
OPAQUE_TOKEN_IDLE = timedelta(days=whole_number("OPAQUE_TOKEN_IDLE_DAYS", 14, most=365))
OPAQUE_TOKEN_USE_NOTED_EVERY = timedelta(minutes=1)
API_KEY_MAX_DAYS = whole_number("API_KEY_MAX_DAYS", 365, most=3_650)  # that a key for an integration may last
# How long ago a log-in may be for what a found token must not be enough: lasting tokens, keys, others' rights.
FRESH_LOG_IN = timedelta(minutes=whole_number("FRESH_LOG_IN_MINUTES", 15, most=1_440))
# How long nothing is paid to a seller who has said that the money goes somewhere else.
SELLER_PAYOUT_HOLD = timedelta(hours=whole_number("SELLER_PAYOUT_HOLD_HOURS", 72, most=720))
# What the shop keeps of sellers' sales where nothing else is said, in hundredths of a per cent; and how long after the
# delivery a seller is paid: goods may come back.
SELLER_COMMISSION_BASIS_POINTS = whole_number("SELLER_COMMISSION_BASIS_POINTS", 1_000, least=0, most=10_000)
SELLER_PAYOUT_AFTER = timedelta(days=whole_number("SELLER_PAYOUT_AFTER_DAYS", 7, least=0, most=90))
