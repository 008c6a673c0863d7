"""Makes a picture fit to be shown: told by its content, turned upright, made smaller, without metadata.

What comes out holds nothing of the file that came in but its pixels.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

#: The largest file that is taken, in bytes, and the most pixels that are unpacked.
MOST_BYTES = 10 << 20
MOST_PIXELS = 50_000_000

#: The longer side of what is shown, in pixels.
_SIDE = 1600
_QUALITY = 85
#: The largest PNG that is kept, in bytes: a photograph with transparent parts beyond it goes onto white.
_MOST_CLEAR = 1 << 20

#: How files begin, by their format in Pillow. What a browser calls them does not count.
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"RIFF", "WEBP"),
)
#: How pictures of other kinds begin: they are told apart from what is no picture at all.
_OTHERS = (b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00", b"\x00\x00\x00\x0cjP  ")
#: Brands of the container that iPhones photograph in.
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})


class UnfitPictureError(Exception):
    """The file is no picture that can be shown.

    Attributes:
        why: ``too_large``, ``too_many_pixels``, ``no_picture`` (nothing that can be read), ``kind`` (a
            picture of a kind that is not taken) or ``heic`` (such a one as iPhones take).
    """

    def __init__(self, why: str) -> None:
        """Keep the code."""
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Fit:
    """A picture as it may be shown.

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
    from PIL import Image, ImageOps

    if len(body) > MOST_BYTES:
        raise UnfitPictureError("too_large")
    kind = _format_of(body)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=[kind]) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise UnfitPictureError("too_many_pixels")
                # Smaller first: a JPEG is then never unpacked to its whole size.
                opened.thumbnail((_SIDE, _SIDE))
                upright = ImageOps.exif_transpose(opened)
                clear = upright.mode in {"RGBA", "LA", "PA"} or "transparency" in upright.info
                # A new picture has no metadata, comments or colour profiles of the old one.
                made = upright.convert("RGBA" if clear else "RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise UnfitPictureError("too_many_pixels") from exc
    except UnfitPictureError:
        raise
    except Exception as exc:  # decoders fail in many ways at what somebody has made for them
        raise UnfitPictureError("no_picture") from exc
    made.info.clear()
    out = io.BytesIO()
    if clear:
        made.save(out, "PNG", optimize=True)
        if out.tell() <= _MOST_CLEAR:
            return Fit(out.getvalue(), "png", made.width, made.height)
        white = Image.new("RGBA", made.size, "white")
        white.alpha_composite(made)
        made, out = white.convert("RGB"), io.BytesIO()
    made.save(out, "JPEG", quality=_QUALITY, optimize=True)
    return Fit(out.getvalue(), "jpg", made.width, made.height)


def _format_of(body: bytes) -> str:
    """Return Pillow's name of the format; UnfitPictureError for any other than the three."""
    found = next((name for magic, name in _MAGIC if body.startswith(magic)), None)
    if found is not None and (found != "WEBP" or body[8:12] == b"WEBP"):
        return found
    if body[4:8] == b"ftyp" and body[8:12] in _HEIC | _AVIF:
        raise UnfitPictureError("heic" if body[8:12] in _HEIC else "kind")
    raise UnfitPictureError("kind" if body.startswith(_OTHERS) else "no_picture")
