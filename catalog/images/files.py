"""The names of the files of products' pictures."""

from uuid import UUID

# Only PICTURES is ever served (ecommerce.urls, deploy/nginx.conf, a bucket's policy): uploads still hold everything
# that a camera writes into them.
UPLOADS, PICTURES = "incoming", "products"


def upload_name(image_id: UUID) -> str:
    return f"{UPLOADS}/{image_id.hex}"


def picture_name(image_id: UUID, size: int) -> str:
    """Return where a size of a picture lies. The folder is the id's random end: 256 of them, filled evenly."""
    return f"{PICTURES}/{image_id.hex[-2:]}/{image_id.hex}-{size}.webp"
