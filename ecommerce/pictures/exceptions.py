"""What can be wrong with a picture."""

from ecommerce.exceptions import DomainError, ErrorRow


class ImageRefused(DomainError):
    """The uploaded bytes are no picture that the shop takes."""

    status_code = 400
    code = "image_refused"
    message = "This picture cannot be taken."

    def __init__(self) -> None:
        super().__init__([ErrorRow(self.code, self.message, "file")])


class UnsupportedImage(ImageRefused):
    code = "image_unsupported"
    message = "This is no JPEG, PNG, WebP or GIF picture, whatever its name says."


class SvgRefused(ImageRefused):
    code = "image_svg"
    message = "SVG is not taken: such a file can carry programs. Send a PNG of it."


class ImageDamaged(ImageRefused):
    code = "image_damaged"
    message = "The picture is damaged or was cut off on its way."


class TooManyPixels(ImageRefused):
    code = "image_too_many_pixels"
    message = "Too many pixels: at most 25 million (WebP 9, some progressive JPEGs 12 million) and 10,000 on a side."


class ImageTooLarge(ImageRefused):
    status_code = 413
    code = "image_too_large"
    message = "The file is larger than 5 MB."
