"""Network cameras for tests: real servers on 127.0.0.1 that OpenCV's FFmpeg reads.

`MjpegCamera` sends JPEG pictures over HTTP (multipart/x-mixed-replace).  `RtspCamera` speaks RTSP
(RFC 2326) and sends the same pictures as RTP/JPEG (RFC 2435) inside the TCP connection, with true
RTP times.  Both draw a picture when they take it and send it later when `stalled` is set: then the
pictures wait, as they do in a camera's socket buffer, and all of them are sent at the end.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
PASSWORD = "s3cret-4-tests"


class NetworkCamera:
    """Takes `fps` pictures a second with `draw(seconds since the start)`; `began` is
    that start, in monotonic seconds.  `opened` counts the connections."""

    def __init__(self, draw: Callable[[float], Picture], fps: float = 15.0, port: int = 0) -> None:
        self._draw, self._fps = draw, fps
        self._clients: list[_Client] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.stalled = threading.Event()
        self.burst = True  # after a stall all waiting pictures are sent at once; or at the rate
        self.opened = 0
        self.began = time.monotonic()
        self.listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._take, daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        self.listener.close()
        with self._lock:
            for client in self._clients:
                client.close()

    def greet(self, connection: socket.socket) -> bool:
        """Answer the requests until pictures may be sent; False refuses."""
        raise NotImplementedError

    def wrap(self, jpeg: bytes, number: int, taken_s: float) -> bytes:
        """One picture as this camera sends it."""
        raise NotImplementedError

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if not self.greet(connection):
                connection.close()
                return
            client = _Client(connection, self)
            with self._lock:
                self._clients.append(client)
                self.opened += 1
            client.run()
        with suppress(OSError):
            connection.close()

    def _take(self) -> None:
        number = 0
        while not self._stopping.is_set():
            taken = number / self._fps
            self._stopping.wait(max(0.0, self.began + taken - time.monotonic()))
            good, jpeg = cv2.imencode(".jpg", self._draw(taken))
            assert good
            packet = self.wrap(jpeg.tobytes(), number, taken)
            with self._lock:
                for client in self._clients:
                    client.waiting.append(packet)
            number += 1

    @property
    def pause_s(self) -> float:
        return 0.002 if self.burst else 0.98 / self._fps

    @property
    def ended(self) -> bool:
        return self._stopping.is_set()


class _Client:
    """One connection, and the pictures that wait to be sent on it."""

    def __init__(self, connection: socket.socket, camera: NetworkCamera) -> None:
        self.waiting: deque[bytes] = deque()
        self._connection, self._camera = connection, camera
        self._closed = False

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        due = 0.0
        while not self._closed and not self._camera.ended:
            if self._camera.stalled.is_set() or not self.waiting:
                time.sleep(0.002)
                continue
            self._connection.sendall(self.waiting.popleft())
            if not self._camera.burst:
                due = max(due, time.monotonic() - 0.5) + self._camera.pause_s
                time.sleep(max(0.0, due - time.monotonic()))


class MjpegCamera(NetworkCamera):
    """`url` is the stream's address."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/stream.mjpg"

    def greet(self, connection: socket.socket) -> bool:
        connection.recv(4096)
        connection.sendall(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        )
        return True

    def wrap(self, jpeg: bytes, number: int, taken_s: float) -> bytes:
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"


class RtspCamera(NetworkCamera):
    """`url` is the stream's address.  `answer` is the status of DESCRIBE, as `404 Not Found`;
    `digest` asks for the password first; `silent` never answers."""

    def __init__(
        self,
        draw: Callable[[float], Picture],
        fps: float = 15.0,
        *,
        answer: str = "200 OK",
        digest: bool = False,
        silent: bool = False,
    ) -> None:
        self._answer, self._digest, self._silent = answer, digest, silent
        self.asked: list[str] = []
        super().__init__(draw, fps)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    def greet(self, connection: socket.socket) -> bool:
        while True:
            request = self._request(connection)
            if not request:
                return False
            verb = request.split(" ", 1)[0]
            self.asked.append(verb)
            if self._silent:
                continue
            number = re.search(r"CSeq: *(\d+)", request, re.I)
            assert number is not None
            head = [f"CSeq: {number[1]}"]
            status, body = "200 OK", ""
            if verb == "OPTIONS":
                head.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
            elif self._digest and not _knows_password(request):
                status = "401 Unauthorized"
                head.append('WWW-Authenticate: Digest realm="camera", nonce="0123abcd"')
            elif verb == "DESCRIBE":
                status = self._answer
                body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                body += "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
                if not status.startswith("200"):
                    body = ""
                head.append("Content-Type: application/sdp")
            elif verb == "SETUP":
                head.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
                head.append("Session: 12345678")
            elif verb == "PLAY":
                head.append("Session: 12345678")
            head.append(f"Content-Length: {len(body)}")
            text = f"RTSP/1.0 {status}\r\n" + "\r\n".join(head) + "\r\n\r\n" + body
            connection.sendall(text.encode())
            if verb == "PLAY":
                return True

    @staticmethod
    def _request(connection: socket.socket) -> str:
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            more = connection.recv(4096)
            if not more:
                return ""
            data += more
        return data.decode()

    def wrap(self, jpeg: bytes, number: int, taken_s: float) -> bytes:
        return _rtp_jpeg(jpeg, number, round(taken_s * 90_000) + 12345)


def _knows_password(request: str) -> bool:
    """Whether a request has the right answer for user `admin` (RFC 2617, or Basic)."""
    basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    if f"Authorization: Basic {basic}" in request:
        return True
    found = dict(re.findall(r'(\w+)="([^"]*)"', request))
    if "response" not in found:
        return False
    verb = request.split(" ", 1)[0]
    first = hashlib.md5(f"admin:camera:{PASSWORD}".encode()).hexdigest()
    second = hashlib.md5(f"{verb}:{found['uri']}".encode()).hexdigest()
    middle = "0123abcd"
    return found["response"] == hashlib.md5(f"{first}:{middle}:{second}".encode()).hexdigest()


def _rtp_jpeg(jpeg: bytes, number: int, at: int) -> bytes:
    """A baseline JPEG as RTP packets (RFC 2435), each in an interleaved frame ($, channel 0)."""
    tables, size, kind, scan = b"", (0, 0), 1, b""
    place = 2
    while place < len(jpeg):
        marker = jpeg[place + 1]
        length = int.from_bytes(jpeg[place + 2 : place + 4], "big")
        part = jpeg[place + 4 : place + 2 + length]
        if marker == 0xDB:
            while part:
                tables += part[1:65]
                part = part[65:]
        elif marker == 0xC0:
            size = int.from_bytes(part[3:5], "big"), int.from_bytes(part[1:3], "big")
            kind = 1 if part[7] == 0x22 else 0
        elif marker == 0xDA:
            scan = jpeg[place + 2 + length : -2]
            break
        place += 2 + length
    packets, offset, chunk = b"", 0, 1300
    while offset < len(scan):
        piece = scan[offset : offset + chunk]
        last = offset + len(piece) == len(scan)
        head = struct.pack(">BHB", 0, offset >> 8, offset & 255)
        head += bytes([kind, 255, size[0] // 8, size[1] // 8])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        sequence = (number * 512 + offset // chunk) & 0xFFFF
        rtp = struct.pack(">BBHII", 0x80, 26 | (0x80 if last else 0), sequence, at & 0xFFFFFFFF, 77)
        whole = rtp + head + piece
        packets += b"$\x00" + len(whole).to_bytes(2, "big") + whole
        offset += len(piece)
    return packets
