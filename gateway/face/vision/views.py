"""What a camera sees now, for people: a small picture, and whether the face is good enough.

In: requests of the daemon.  Out: answers as dictionaries for the wire.  No picture is kept after
the answer.  Each call is short and waits for one frame at most; they run in a thread of their own,
so that no comparison at a door waits for somebody who watches a camera.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.base import CameraDriver, CameraState, Frame
from gateway.face.vision import quality
from gateway.face.vision.agreement import disagrees
from gateway.face.vision.comparison import pack, unpack
from gateway.face.vision.embedder import BUILT_IN
from gateway.face.vision.engine import Engine, Face, Image
from gateway.face.vision.score import RECOMMENDED

STILL_PX, STILL_QUALITY = 640, 70
STILL_BYTES = 128 * 1024
PORTRAIT_PX, PORTRAIT_QUALITY = 320, 82
PORTRAIT_WIDTH = 1.9  # of the face's own width: head and shoulders
FRAME_S = 0.4  # how long a look waits for a new frame


class Views:
    """Answers `still` and `look`."""

    def __init__(self, cameras: Mapping[str, CameraDriver], engine: Engine) -> None:
        self._cameras = cameras
        self._engine = engine

    def still(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The newest picture as a JPEG (``still``, base64) and the camera's `state`; ``refused``
        where the camera has given none."""
        camera = self._cameras[str(request["camera"])]
        frame = camera.next(0, FRAME_S)
        if frame is None:
            return {"refused": _fault(camera)}
        return {"state": camera.state.value, **_picture(frame)}

    def look(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """A look at the nearest face for an enrolment: ``refused`` with a code of
        `quality.Refusal` or of the camera's state, or a ``template`` that goes with the templates
        of ``kept``.

        ``frame`` is the number of the picture that was judged, ``box`` the face in shares of the
        picture (left, top, right, bottom), ``still`` the picture.  A good look has ``quality`` and
        ``model``, and with `portrait` asked for the face's small picture.  Frames up to number
        `after` are not looked at.
        """
        camera = self._cameras[str(request["camera"])]
        after = int(request.get("after", 0))
        frame = camera.next(after, FRAME_S)
        if frame is None or camera.state is not CameraState.OK:
            answer = {"refused": _fault(camera), "frame": after}
            return answer if frame is None else {**answer, **_picture(frame)}
        image: Image = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        faces = self._engine.detect(image)
        measured, refusal = quality.judge(image, faces, self._engine.landmarks)
        told: dict[str, Any] = {"frame": frame.number, **_picture(frame)}
        if faces:
            told["box"] = _shares(faces[0], image)
        if refusal is None and measured is not None:
            model = self._engine.embedder.model
            embedding = self._engine.embed(image, faces[0])
            before = unpack(str(request.get("kept", "")), self._engine.embedder.dimensions)
            usual = RECOMMENDED
            if request.get("embedder", BUILT_IN) != BUILT_IN:
                usual = float(request["threshold"])
            refusal = disagrees(embedding, list(before), usual)
            if refusal is None:
                told |= {"template": pack(embedding), "quality": measured.as_dict()}
                told["model"] = model
                if request.get("portrait"):
                    told["portrait"] = _text(portrait(frame.image, faces[0]))
        return {**told, "refused": refusal.value if refusal is not None else ""}


def portrait(picture: NDArray[np.uint8], face: Face) -> bytes:
    """Head and shoulders as a JPEG of at most 320 pixels a side, from a picture (BGR)."""
    height, width = picture.shape[:2]
    half = face.width * PORTRAIT_WIDTH / 2
    middle, centre = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    left, right = max(0, round(middle - half)), min(width, round(middle + half))
    top, bottom = max(0, round(centre - half * 4 / 3)), min(height, round(centre + half * 4 / 3))
    return _jpeg(picture[top:bottom, left:right], PORTRAIT_PX, PORTRAIT_QUALITY)


def _fault(camera: CameraDriver) -> str:
    state = camera.state
    return (CameraState.NO_SIGNAL if state is CameraState.OK else state).value


def _picture(frame: Frame) -> dict[str, Any]:
    jpeg = _jpeg(frame.image, STILL_PX, STILL_QUALITY)
    return {"still": _text(jpeg if len(jpeg) <= STILL_BYTES else b"")}


def _shares(face: Face, image: Image) -> list[float]:
    height, width = image.shape[:2]
    sides = (face.left / width, face.top / height, face.right / width, face.bottom / height)
    return [round(side, 4) for side in sides]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _jpeg(picture: NDArray[np.uint8], longest_px: int, level: int) -> bytes:
    """A picture (BGR) of at most `longest_px` on its longer side; empty if it can't be encoded."""
    if not picture.size:
        return b""
    scale = longest_px / max(picture.shape[:2])
    if scale < 1:
        picture = cast(
            "NDArray[np.uint8]",
            cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA),
        )
    good, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, level])
    return jpeg.tobytes() if good else b""
