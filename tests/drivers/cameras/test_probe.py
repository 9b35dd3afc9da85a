"""Why a network camera does not open is named, and its password is never shown."""

from __future__ import annotations

import functools
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from demo.broker import free_port
from drivers.base import CameraState
from drivers.cameras.opencv import OpenCvCamera
from drivers.cameras.probe import Refusal, _authorization, why_not, without_password
from tests.drivers.cameras.network import PASSWORD, Picture, RtspCamera


def drawn(at: float) -> Picture:
    return np.random.default_rng(round(at * 1000)).integers(90, 120, (240, 320, 3), np.uint8)


@pytest.fixture
def make() -> Iterator[Callable[..., RtspCamera]]:
    made: list[RtspCamera] = []

    def make(**options: object) -> RtspCamera:
        made.append(RtspCamera(drawn, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


def with_login(url: str, password: str) -> str:
    return url.replace("//", f"//admin:{password}@")


def test_each_reason_of_an_rtsp_camera_is_named(make: Callable[..., RtspCamera]) -> None:
    locked = make(digest=True)
    refused = Refusal(CameraState.LOGIN_REFUSED, "401 Unauthorized")
    assert why_not(locked.url) == refused
    assert why_not(with_login(locked.url, "wrong")) == refused
    assert why_not(with_login(locked.url, PASSWORD)) == Refusal(CameraState.NO_SIGNAL)
    gone = Refusal(CameraState.NO_STREAM, "404 Not Found")
    assert why_not(make(answer="404 Not Found").url) == gone
    busy = why_not(make(answer="453 Not Enough Bandwidth").url)
    assert busy == Refusal(CameraState.NO_STREAM, "453 Not Enough Bandwidth")
    assert why_not(make().url) == Refusal(CameraState.NO_SIGNAL)
    assert "SETUP" not in locked.asked
    nobody = why_not(f"rtsp://127.0.0.1:{free_port()}/stream")
    assert nobody == Refusal(CameraState.UNREACHABLE, "Connection refused")
    assert why_not("rtsp://camera.invalid/").state is CameraState.UNREACHABLE
    assert why_not(make(silent=True).url, 0.3) == Refusal(CameraState.NO_SIGNAL)


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_each_reason_of_an_http_camera_is_named(status: int) -> None:
    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = why_not(f"http://127.0.0.1:{server.server_address[1]}/video.mjpg")
    server.shutdown()
    server.server_close()
    login = status in (401, 403)
    assert found.state is (CameraState.LOGIN_REFUSED if login else CameraState.NO_STREAM)
    assert found.detail.startswith(str(status))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100_000,
        b"RTSP/1.0 abc\r\n\r\n",
        b"RTSP/1.0 401 \r\nWWW-Authenticate: Digest\r\n\r\n",
        b'RTSP/1.0 401 X\r\nWWW-Authenticate: Digest nonce="\xff\r\n\r\n',
        b"RTSP/1.0 404 \x1b[31mred\x07" + b"x" * 9000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_makes_no_sense_breaks_nothing(answer: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.sendall(answer)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    found = why_not(f"rtsp://a:b@127.0.0.1:{listener.getsockname()[1]}/x", 1.0)
    listener.close()
    assert isinstance(found.state, CameraState) and len(found.detail) <= 60
    assert found.detail.isprintable()


def test_the_login_of_rfc_2617_and_rfc_7616() -> None:
    """Their own examples, section 3.5 and 3.9.1 (there with a client's nonce of theirs)."""
    digest = functools.partial(_authorization, verb="GET", uri="/dir/index.html")
    answer = digest(
        ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'],
        user="Mufasa",
        password="Circle Of Life",
    )
    # RFC 2069's form (no qop), of which the errata of RFC 2617 have the right figure.
    assert answer is not None and 'response="670fd8c2df070c60b045671b8b24ff02"' in answer
    newer = digest(
        [
            'Digest realm="r", qop="auth", algorithm=SHA-256, nonce="n", opaque="o"',
            'Basic realm="r"',
        ],
        user="u",
        password="p",
    )
    assert newer is not None and "nc=00000001" in newer and "algorithm=SHA-256" in newer
    assert digest(['Basic realm="r"'], user="u", password="p") == "Basic dTpw"
    assert digest(["Negotiate"], user="u", password="p") is None


@pytest.mark.parametrize(
    "source",
    [
        "rtsp://admin:secret@192.0.2.7/stream",
        "rtsp://admin:se@secret@192.0.2.7/stream",
        "rtsp://admin:a/secret@192.0.2.7/stream",
        "http://192.0.2.7/video.cgi?user=admin&password=secret",
        "rtsp://192.0.2.7/user=admin_password=secret_channel=1_stream=0.sdp",
        "rtsp://192.0.2.7/user=admin&pwd=secret&channel=1",
    ],
)
def test_no_form_of_a_password_is_shown(source: str) -> None:
    shown = without_password(source)
    assert "secret" not in shown and "192.0.2.7" in shown


def test_a_camera_whose_password_is_wrong_says_so_and_not_the_password(
    make: Callable[..., RtspCamera], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    peer = make(digest=True)
    cam = OpenCvCamera(OpenCvCamera.Options(source=with_login(peer.url, "hunter2wrong")))
    cam.start()
    deadline = time.monotonic() + 15
    while cam.state is not CameraState.LOGIN_REFUSED:
        assert time.monotonic() < deadline, cam.detail
        time.sleep(0.05)
    assert cam.detail == "login_refused 401 Unauthorized"
    cam.stop()
    out, err = capfd.readouterr()
    assert "hunter2" not in out + err + caplog.text + cam.label
