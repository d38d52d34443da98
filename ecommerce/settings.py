"""Settings of the shop, by topic; what fills a page has a module of its own, ``*_settings``, and ``environment`` reads
the variables.

A missing or unsafe value raises ``ImproperlyConfigured`` with one sentence, so that the shop never starts
half configured. ``ENVIRONMENT`` says how strict to be: ``production`` (the default), ``local`` or ``test``.
"""

from datetime import timedelta
from urllib.parse import urlsplit

import pghistory
from django.core.exceptions import ImproperlyConfigured

from ecommerce.account_settings import (  # noqa: F401 - settings are read from here
    API_KEY_MAX_DAYS,
    FRESH_LOG_IN,
    OPAQUE_TOKEN_IDLE,
    OPAQUE_TOKEN_USE_NOTED_EVERY,
    SELLER_COMMISSION_BASIS_POINTS,
    SELLER_PAYOUT_AFTER,
    SELLER_PAYOUT_HOLD,
)
from ecommerce.admin_settings import admin_site
from ecommerce.celery_settings import (  # noqa: F401 - settings are read from here
    CELERY_ACCEPT_CONTENT,
    CELERY_BEAT_SCHEDULE,
    CELERY_BROKER_CONNECTION_MAX_RETRIES,
    CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP,
    CELERY_BROKER_TRANSPORT_OPTIONS,
    CELERY_BROKER_URL,
    CELERY_TASK_ACKS_LATE,
    CELERY_TASK_DEFAULT_QUEUE,
    CELERY_TASK_IGNORE_RESULT,
    CELERY_TASK_REJECT_ON_WORKER_LOST,
    CELERY_TASK_SERIALIZER,
    CELERY_TASK_SOFT_TIME_LIMIT,
    CELERY_TASK_TIME_LIMIT,
    CELERY_TIMEZONE,
    CELERY_WORKER_HIJACK_ROOT_LOGGER,
    CELERY_WORKER_PREFETCH_MULTIPLIER,
    CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT,
    REDIS_URL,
)
from ecommerce.currencies import ISO_4217
from ecommerce.document_settings import (  # noqa: F401 - settings are read from here
    ETIMS,
    SHOP_ADDRESS,
    SHOP_EMAIL,
    SHOP_LEGAL_NAME,
    SHOP_PHONE,
    SHOP_PIN,
)
from ecommerce.environment import BASE_DIR, ENVIRONMENT, PRODUCTION, env, flag, rate, required, whole_number
from ecommerce.log_settings import LOG_LEVEL, LOGGING  # noqa: F401 - settings are read from here
from ecommerce.media_settings import MEDIA_ROOT, MEDIA_STORAGE, MEDIA_URL  # noqa: F401 - settings are read from here
from ecommerce.order_settings import (  # noqa: F401 - settings are read from here
    CARRIERS,
    CART_LIFETIME_GUEST,
    CART_LIFETIME_USER,
    CART_REMINDER_AFTER,
    CART_REMINDERS,
    ORDER_LINK_LIFETIME,
    ORDER_MAX_LINES,
    ORDER_MAX_QUANTITY,
    ORDER_MAX_UNITS_HELD,
    ORDER_MAX_UNPAID,
    ORDER_RESERVATION,
    ORDER_RETURN_SEND_WITHIN,
    ORDER_RETURN_WINDOW,
    ORDER_RETURN_WINDOW_FAULTY,
    PRICES_INCLUDE_TAX,
    SAVED_CARTS_MOST,
    SHIPPING_DEFAULT_WEIGHT,
    SHIPPING_REQUIRED,
    VAT_RATE,
    VAT_REDUCED_RATE,
)
from ecommerce.payment_settings import (  # noqa: F401 - settings are read from here
    CHAPA,
    MANUAL,
    MPESA,
    PAYMENT_PHONE_LIMIT,
    PAYMENT_PROVIDER_CLASSES,
    PAYMENT_PROVIDERS,
    PAYPAL,
    PAYSTACK,
    PROVIDER_CONNECT_TIMEOUT,
    PROVIDER_READ_TIMEOUT,
    PROVIDER_THREADS,
    SIMULATOR_URL,
    STRIPE,
)
from ecommerce.schema_settings import SPECTACULAR_SETTINGS  # noqa: F401 - settings are read from here
from ecommerce.sms_settings import (  # noqa: F401 - settings are read from here
    CODE_LIFETIME,
    CODE_TRIES_PER_EMAIL,
    CODE_TRIES_PER_NETWORK,
    RESET_PER_ADDRESS,
    RESET_PER_NETWORK,
    SMS,
    SMS_DAILY_CAPS,
    SMS_PER_NETWORK,
    SMS_PER_PHONE,
    SMS_PER_PHONE_DAILY,
    SMS_RETENTION,
)
from ecommerce.social_settings import FACEBOOK_LOGIN, GOOGLE_LOGIN  # noqa: F401 - settings are read from here

# --- Core ---------------------------------------------------------------------------------------------------

DEBUG = flag("DEBUG")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("DEBUG is on; production never starts with it.")

SECRET_KEY = required("SECRET_KEY", "local-only-secret-key-that-is-long-enough-to-pass-the-length-check")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# What the codes of gift cards are made with: that of new cards first. They live longer than SECRET_KEY should.
GIFT_CARD_KEYS = env.list("GIFT_CARD_KEYS", default=[]) or [SECRET_KEY, *SECRET_KEY_FALLBACKS]
# What the secrets of second factors are encrypted with: new ones with the first. They, too, outlive SECRET_KEY.
SECOND_FACTOR_KEYS = env.list("SECOND_FACTOR_KEYS", default=[]) or [SECRET_KEY, *SECRET_KEY_FALLBACKS]
# What the secrets of webhooks are encrypted with: new ones with the first.
WEBHOOK_SECRET_KEYS = env.list("WEBHOOK_SECRET_KEYS", default=[]) or [SECRET_KEY, *SECRET_KEY_FALLBACKS]
# What stands for the erased in the books is made with it. Lost, nobody finds their invoices by their address again.
PSEUDONYM_KEY = env.str("PSEUDONYM_KEY", default="") or SECRET_KEY
JWT_SIGNING_KEY = env.str("JWT_SIGNING_KEY", default="") or f"jwt:{SECRET_KEY}"
# Still read while a key is being changed; a day is enough for access tokens, refresh tokens take two weeks.
JWT_SIGNING_KEY_FALLBACKS = env.list("JWT_SIGNING_KEY_FALLBACKS", default=[])
if not env.str("JWT_SIGNING_KEY", default=""):
    JWT_SIGNING_KEY_FALLBACKS += [f"jwt:{key}" for key in SECRET_KEY_FALLBACKS]
if PRODUCTION:
    for name, value in (
        ("SECRET_KEY", SECRET_KEY),
        ("JWT_SIGNING_KEY", JWT_SIGNING_KEY),
        *(("JWT_SIGNING_KEY_FALLBACKS", key) for key in JWT_SIGNING_KEY_FALLBACKS),
        ("PSEUDONYM_KEY", PSEUDONYM_KEY),
        *(("GIFT_CARD_KEYS", key) for key in GIFT_CARD_KEYS),
        *(("SECOND_FACTOR_KEYS", key) for key in SECOND_FACTOR_KEYS),
        *(("WEBHOOK_SECRET_KEYS", key) for key in WEBHOOK_SECRET_KEYS),
    ):
        if len(value.encode()) < 32 or value.startswith(("local-only", "django-insecure", "change-me")):
            raise ImproperlyConfigured(f"{name} is shorter than 32 bytes or a published example; make a new one.")

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
if PRODUCTION and (not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS):
    raise ImproperlyConfigured("ALLOWED_HOSTS must name the shop's hosts in production, and '*' is not a host.")

PORT = whole_number("PORT", 8000, most=65535)
PUBLIC_BASE_URL = required("PUBLIC_BASE_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
FRONTEND_URL = env.str("FRONTEND_URL", default=PUBLIC_BASE_URL).rstrip("/")
if PRODUCTION and not PUBLIC_BASE_URL.startswith("https://"):
    raise ImproperlyConfigured("PUBLIC_BASE_URL must be https in production: payment providers call it.")

SHOP_NAME = env.str("SHOP_NAME", default="ByteMtaani")
DEFAULT_CURRENCY = "KES"

ROOT_URLCONF = "ecommerce.urls"
WSGI_APPLICATION = "ecommerce.wsgi.application"
APPEND_SLASH = False  # A POST is not sent again after a redirect, and an API has one address per thing.

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "ecommerce",
    "accounts",
    "catalog",
    "bookings",
    "orders",
    "payments",
    "inbox",
]

MIDDLEWARE = [
    "ecommerce.middleware.RequestIdMiddleware",
    "ecommerce.middleware.JsonErrorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.second_factor.middleware.StaffSecondFactorMiddleware",
    "accounts.history.context.HistoryMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ecommerce.middleware.AdminTimeZoneMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "ecommerce" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # the admin's inline forms

# --- Database -----------------------------------------------------------------------------------------------

_database_url = env.str("DATABASE_URL", default="")
if not _database_url:
    raise ImproperlyConfigured(
        "DATABASE_URL is not set; start the shop with ./shop run, or name a PostgreSQL database."
    )
try:
    _scheme = urlsplit(_database_url).scheme if urlsplit(_database_url).port != 0 else ""
except ValueError:  # the port is no number
    _scheme = ""
if _scheme not in ("postgres", "postgresql"):
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database; no other dialect is supported.")
DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].update(
    ENGINE="ecommerce.postgresql", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True, ATOMIC_REQUESTS=False
)
# Off behind a pooler that gives each transaction another connection (PgBouncer's transaction mode).
DATABASE_PREPARED_STATEMENTS = env.bool("DATABASE_PREPARED_STATEMENTS", default=True)
# At or below so many units a variant without a threshold of its own is low. A trigger on stock reads it too.
LOW_STOCK_THRESHOLD = whole_number("LOW_STOCK_THRESHOLD", 5, least=0, most=1_000_000)
DATABASES["default"].setdefault("OPTIONS", {}).update(
    connect_timeout=3,
    # Nothing may wait for ever: a lock for 3 s, a statement for 15 s, an idle transaction for 30 s.
    options=(
        "-c lock_timeout=3000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000 "
        f"-c shop.low_stock_threshold={LOW_STOCK_THRESHOLD}"
    ),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache --------------------------------------------------------------------------------------------------

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # A database or server of its own where there is one: the broker must never be evicted, a cache may.
        "LOCATION": env.str("CACHE_URL", default=REDIS_URL),
        "KEY_PREFIX": env.str("CACHE_KEY_PREFIX", default="shop"),
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

# --- HTTP and security --------------------------------------------------------------------------------------

CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
if any(origin in ("*", "null") for origin in CORS_ALLOWED_ORIGINS):
    raise ImproperlyConfigured("CORS_ALLOWED_ORIGINS must list whole origins; '*' and 'null' are refused.")
CORS_EXPOSE_HEADERS = ["ETag", "Last-Modified", "X-Request-Id", "X-Cart-Token", "Idempotent-Replayed", "Retry-After"]
CORS_EXPOSE_HEADERS += ["RateLimit", "RateLimit-Policy"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "x-cart-token",
    "x-order-token",
    "x-csrftoken",
    "x-request-id",
]
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL] if PUBLIC_BASE_URL.startswith("https://") else []
CSRF_FAILURE_VIEW = "ecommerce.views.csrf_failure"
# How many reverse proxies of ours stand in front and append to X-Forwarded-For; 0 trusts no such header.
TRUSTED_PROXIES = whole_number("TRUSTED_PROXIES", 0, least=0, most=10)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_SSL_REDIRECT = True
    # API paths refuse plain http by themselves (ecommerce.middleware); health checks come from inside.
    SECURE_REDIRECT_EXEMPT = [r"^api/", r"^healthz$", r"^readyz$"]
    if TRUSTED_PROXIES:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- Accounts -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailOrUsernameBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.Argon2Hasher",
    # Read, and replaced at the next log-in.
    "accounts.hashers.BcryptHasher",
    "accounts.hashers.PlainBcryptHasher",
    "accounts.hashers.PBKDF2Hasher",
]
# Processes that hash for this one, and requests that may wait for them; one more is a 503 (accounts/hashing/).
PASSWORD_HASHES_AT_ONCE = whole_number("PASSWORD_HASHES_AT_ONCE", 1, most=64)
PASSWORD_HASHES_WAITING = whole_number("PASSWORD_HASHES_WAITING", 2, least=0, most=64)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "accounts.validators.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "ISSUER": "bytemtaani",
    "AUDIENCE": "bytemtaani-api",
    "AUTH_TOKEN_CLASSES": ("accounts.signing.AccessToken",),
    "UPDATE_LAST_LOGIN": False,
    "LEEWAY": 10,
}
# How long the trail of what happened to accounts is kept, and links in mails after their end.
AUDIT_RETENTION = timedelta(days=whole_number("AUDIT_RETENTION_DAYS", 730, least=30, most=36_500))
IDEMPOTENCY_RETENTION = timedelta(hours=whole_number("IDEMPOTENCY_RETENTION_HOURS", 72, least=24, most=720))
LINK_RETENTION = timedelta(days=whole_number("LINK_RETENTION_DAYS", 30, least=1, most=3650))
REFRESH_FAMILY_LIFETIME = timedelta(days=90)
REFRESH_REUSE_GRACE = timedelta(seconds=10)
# Failed tries before one must wait (docs/security.md).
LOCKOUT_ACCOUNT_TRIES = whole_number("LOCKOUT_ACCOUNT_TRIES", 5, most=100)
LOCKOUT_NETWORK_TRIES = whole_number("LOCKOUT_NETWORK_TRIES", 50, most=1_000_000)
# Staff without a second factor can do nothing but set one up (docs/two-factor.md).
STAFF_SECOND_FACTOR_REQUIRED = flag("STAFF_SECOND_FACTOR_REQUIRED")

# --- API ----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.AccessTokenAuthentication",
        "accounts.opaque_tokens.authentication.OpaqueTokenAuthentication",
        "accounts.api_keys.authentication.ApiKeyAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ecommerce.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "ecommerce.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["ecommerce.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "ecommerce.schema.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["ecommerce.throttling.RequestThrottle"],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "ecommerce.error_handling.ApiExceptionHandler",
    "EXCEPTION_FORMATTER_CLASS": "ecommerce.error_handling.ApiExceptionFormatter",
    "ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True,
}
# Requests allowed in a window, as "count/seconds". Mobile carriers share addresses: reads stay generous. A laptop,
# where everybody is 127.0.0.1, gets a hundred times as many, so that demos and benches are not cut short.
_LOCAL_FACTOR = 100 if ENVIRONMENT == "local" else 1
THROTTLE_RATES = {
    "user": rate("THROTTLE_USER", f"{1000 * _LOCAL_FACTOR}/3600"),
    "api_key": rate("THROTTLE_API_KEY", f"{5000 * _LOCAL_FACTOR}/3600"),
    "anonymous": rate("THROTTLE_ANONYMOUS", f"{300 * _LOCAL_FACTOR}/3600"),
    "login": rate("THROTTLE_LOGIN", f"{10 * _LOCAL_FACTOR}/60"),
    "register": rate("THROTTLE_REGISTER", f"{10 * _LOCAL_FACTOR}/3600"),
    "payment": rate("THROTTLE_PAYMENT", f"{5 * _LOCAL_FACTOR}/60"),
    "guest_order": rate("THROTTLE_GUEST_ORDER", f"{60 * _LOCAL_FACTOR}/3600"),
    "coupon": rate("THROTTLE_COUPON", f"{30 * _LOCAL_FACTOR}/600"),
    "review": rate("THROTTLE_REVIEW", f"{30 * _LOCAL_FACTOR}/3600"),
    "gift-card": rate("THROTTLE_GIFT_CARD", f"{20 * _LOCAL_FACTOR}/3600"),
    "export": rate("THROTTLE_EXPORT", f"{5 * _LOCAL_FACTOR}/3600"),
    "erase": rate("THROTTLE_ERASE", f"{5 * _LOCAL_FACTOR}/3600"),
    "avatar": rate("THROTTLE_AVATAR", f"{20 * _LOCAL_FACTOR}/3600"),
}

# --- Static files, uploads, language -------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": MEDIA_STORAGE,
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION  # a laptop needs no collectstatic

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # of the API and the database
ADMIN_TIME_ZONE = "Africa/Nairobi"  # of staff, in the admin

# --- Mail ---------------------------------------------------------------------------------------------------

DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{SHOP_NAME} <shop@bytemtaani.local>")
# smtp+tls://user:password@host:587, consolemail://, or filemail:///var/folder; a laptop writes mail to files.
_email = env.email_url("EMAIL_URL", default="filemail://" if ENVIRONMENT == "local" else "consolemail://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
# The reader of the address takes its first slash for the end of the (empty) host's name.
_folder = f"/{_email['EMAIL_FILE_PATH']}" if _email.get("EMAIL_FILE_PATH") else env.str("EMAIL_FILE_PATH", default="")
EMAIL_FILE_PATH = _folder or str(BASE_DIR / ".shop" / "mail")
EMAIL_TIMEOUT = 10

# Who is told when an invariant does not hold: these addresses; none named, all superusers.
ALERT_EMAILS = [address.strip() for address in env.list("ALERT_EMAILS", default=[])]
if _wrong := [address for address in ALERT_EMAILS if "@" not in address]:
    raise ImproperlyConfigured(f"ALERT_EMAILS names {_wrong[0]!r}; it takes e-mail addresses.")

# --- Currencies ---------------------------------------------------------------------------------------------

# What exchange rates are counted in. Rates that were counted in another one are not used.
BASE_CURRENCY = env.str("BASE_CURRENCY", default="").strip() or DEFAULT_CURRENCY
# Which currencies prices are shown in, beside the base; none named: all that have a rate.
CURRENCIES = [code.strip() for code in env.list("CURRENCIES", default=[])]
for _name, _codes in (("BASE_CURRENCY", [BASE_CURRENCY]), ("CURRENCIES", CURRENCIES)):
    if _unknown := [code for code in _codes if code not in ISO_4217]:
        raise ImproperlyConfigured(f"{_name} names {_unknown[0]!r}; it takes ISO 4217 codes, such as KES or USD.")
MAX_RATE_AGE = timedelta(days=whole_number("MAX_RATE_AGE_DAYS", 7, most=3650))  # of a rate that is charged by

# --- Catalogue ----------------------------------------------------------------------------------------------

CATALOGUE_CACHE = flag("CATALOGUE_CACHE", default=True)  # off: every page is made anew (docs/catalogue-reads.md)
IMPORT_MAX_BYTES = whole_number("IMPORT_MAX_MEGABYTES", 200, most=4096) * 1024**2  # of one uploaded catalogue file
HISTORY_RETENTION = timedelta(days=whole_number("HISTORY_RETENTION_DAYS", 1095, least=30, most=36_500))
# Who acted is kept with each change, which is found by what was changed and not by what that refers to.
PGHISTORY_CREATED_AT_FUNCTION = "clock_timestamp()"  # so that changes of one transaction stand in their order
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = pghistory.ContextUUIDField()
PGHISTORY_FOREIGN_KEY_FIELD = pghistory.ForeignKey(db_index=False)
REVIEWS_PREMODERATED = flag("REVIEWS_PREMODERATED")  # staff publish every review, not only those with a link
# Who is told of low stock: these addresses; none named, all staff who may see the alerts.
STOCK_ALERT_EMAILS = [address.strip() for address in env.list("STOCK_ALERT_EMAILS", default=[])]
if _wrong := [address for address in STOCK_ALERT_EMAILS if "@" not in address]:
    raise ImproperlyConfigured(f"STOCK_ALERT_EMAILS names {_wrong[0]!r}; it takes e-mail addresses.")

# --- Payments -----------------------------------------------------------------------------------------------

PROVIDER_USER_AGENT = f"{SHOP_NAME}/1.0 (+{PUBLIC_BASE_URL})"
WEBHOOK_USER_AGENT = f"{SHOP_NAME}-Webhooks/1.0 (+{PUBLIC_BASE_URL})"
# Webhooks to this very machine, also by http and to any port, for trying them out. Never into other private networks.
WEBHOOK_LOOPBACK = flag("WEBHOOK_LOOPBACK")
if PRODUCTION and WEBHOOK_LOOPBACK:
    raise ImproperlyConfigured("WEBHOOK_LOOPBACK is for trying webhooks out; production must not have it.")

# --- Admin --------------------------------------------------------------------------------------------------

UNFOLD = admin_site(SHOP_NAME)
