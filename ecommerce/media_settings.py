"""Settings of uploads: this machine's disk, or a bucket of S3 or of anything that speaks like it."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ecommerce.environment import BASE_DIR, env

MEDIA_URL = "/media/"
MEDIA_ROOT = BASE_DIR / "media"
# Names are made by the shop and never taken twice, so writing one again is the same work done again.
MEDIA_STORAGE: dict[str, Any] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"allow_overwrite": True},
}

_bucket: str = env.str("AWS_STORAGE_BUCKET_NAME", default="").strip()
_keys = [env.str(name, default="").strip() for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
_domain: str = env.str("AWS_S3_CUSTOM_DOMAIN", default="").strip().rstrip("/")
if _bucket:
    from botocore.config import Config

    if any(_keys) and not all(_keys):
        raise ImproperlyConfigured("Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither of them.")
    if "://" in _domain:
        raise ImproperlyConfigured("AWS_S3_CUSTOM_DOMAIN is a host, such as cdn.shop.example, without https://.")
    MEDIA_STORAGE = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": _bucket,
            "access_key": _keys[0] or None,  # none: the machine's own role
            "secret_key": _keys[1] or None,
            "region_name": env.str("AWS_S3_REGION_NAME", default="").strip() or None,
            "endpoint_url": env.str("AWS_S3_ENDPOINT_URL", default="").strip() or None,
            "custom_domain": _domain or None,
            "querystring_auth": False,  # pictures are public, by the bucket's policy (docs/images.md)
            "default_acl": None,
            "file_overwrite": True,
            "object_parameters": {"CacheControl": "public, max-age=2592000, immutable"},
            # Boto would wait for a minute, five times.
            "client_config": Config(
                connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2}, signature_version="s3v4"
            ),
        },
    }
