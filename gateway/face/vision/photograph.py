"""A photograph from a file as an array of pixels, for enrolment and for `garita face evaluate`.

In: the path of a file that somebody else made.  Out: an RGB array of bounded size, or a
`PictureError` that says why not.  The header is checked before anything is decoded
(gateway/people/pictures.py).  Nothing is written.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageOps

from gateway.face.vision.protocols import Image
from gateway.locale import N_, Message
from gateway.people.pictures import READ_BY_PILLOW, PictureError, PictureFault, load

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".heic", ".heif", ".avif"})
"""File names that are taken for photographs in a folder."""
MAX_SIDE = 1600
TINY = 200  # px of the shorter side; face data sets have pictures of 92 x 112


def read(path: Path, upscale: float = 1.0) -> Image:
    """The picture as RGB, turned as its EXIF says, at most 1600 pixels on its longer side.

    A picture of fewer than 200 pixels on its shorter side is enlarged `upscale` times.  Raises
    PictureError.
    """
    data, header = load(path)
    try:
        if header.format in READ_BY_PILLOW:
            with PillowImage.open(io.BytesIO(data)) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
            picture: NDArray[Any] = np.asarray(upright, np.uint8)
        else:
            blue_first = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            if blue_first is None:
                raise ValueError("not decoded")
            picture = cv2.cvtColor(blue_first, cv2.COLOR_BGR2RGB)
    except Exception as error:  # each decoder raises what it likes for damaged data
        raise _damaged() from error
    tiny = min(picture.shape[:2]) < TINY
    scale = min(upscale if tiny else 1.0, MAX_SIDE / max(picture.shape[:2]))
    if scale != 1:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method)
    found: Image = np.ascontiguousarray(picture)
    return found


def _damaged() -> PictureError:
    return PictureError(PictureFault.UNREADABLE, Message(N_("the picture is damaged")))
