"""Makes a picture fit to be sent: checked, turned upright, made smaller, without metadata."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

#: The largest file that is taken, in bytes, and the most pixels that are unpacked.
MOST_BYTES = 10 << 20
MOST_PIXELS = 50_000_000

#: The longer side of what is sent, in pixels.
_SIDE = 1600
_QUALITY = 85

#: How files begin, by their format in Pillow. What a browser calls them does not count.
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"RIFF", "WEBP"),
)


class UnfitPictureError(Exception):
    """The file is no picture that can be sent.

    Attributes:
        why: ``too_large``, ``too_many_pixels`` or ``no_picture``.
    """

    def __init__(self, why: str) -> None:
        """Keep the code."""
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Fit:
    """A picture as it may be sent.

    Attributes:
        body: the file, encoded anew: nothing of the old one but its pixels.
        kind: ``jpg`` or ``png``.
    """

    body: bytes
    kind: str
    width: int
    height: int


def fit(body: bytes) -> Fit:
    """Return the picture of a file; takes up to a second, so call it in a thread.

    Args:
        body: JPEG, PNG or WebP.

    Raises:
        UnfitPictureError: it is none of these, damaged or too large.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(body) > MOST_BYTES:
        raise UnfitPictureError("too_large")
    formats = [name for magic, name in _MAGIC if body.startswith(magic)]
    if not formats or (formats == ["WEBP"] and body[8:12] != b"WEBP"):
        raise UnfitPictureError("no_picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=formats) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise UnfitPictureError("too_many_pixels")
                upright = ImageOps.exif_transpose(opened)
                upright.thumbnail((_SIDE, _SIDE))
                clear = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
                # A new picture has no metadata, comments or colour profiles of the old one.
                made = upright.convert("RGBA" if clear else "RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise UnfitPictureError("too_many_pixels") from exc
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as exc:
        raise UnfitPictureError("no_picture") from exc
    made.info.clear()
    out = io.BytesIO()
    if clear:
        made.save(out, "PNG", optimize=True)
    else:
        made.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Fit(out.getvalue(), "png" if clear else "jpg", made.width, made.height)
