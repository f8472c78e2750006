"""Sends images to a camera of headland with `driver: pipe`. Needs nothing of ROS."""

import socket
import struct
import time

MAGIC = b"HLJ1"
HEADER = struct.Struct(">4sIQ")
NANOSECONDS_PER_MICROSECOND = 1_000
NANOSECONDS_PER_SECOND = 1_000_000_000
MAX_REASON_BYTES = 1_024


def frame_header(jpeg_bytes: int, captured_at_ns: int) -> bytes:
    """The 16 bytes before a JPEG. captured_at_ns: Unix time; 0 = not known."""
    return HEADER.pack(MAGIC, jpeg_bytes, captured_at_ns // NANOSECONDS_PER_MICROSECOND)


def is_jpeg(data) -> bool:
    return bytes(data[:2]) == b"\xff\xd8"


def stamp_ns(stamp) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return stamp.sec * NANOSECONDS_PER_SECOND + stamp.nanosec


class FrameSender:
    """
    A connection to the socket of the camera, opened again when it breaks. Images that come while there
    is none are dropped: the next one is newer.
    """

    def __init__(self, path, retry_seconds=1.0, timeout_seconds=2.0, clock=time.monotonic):
        self._path = path
        self._retry_seconds = retry_seconds
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._socket = None
        self._next_try = clock()
        self.sent = 0
        self.dropped = 0
        #: Why there is no connection; None while there is one.
        self.problem = "not connected yet"

    def send(self, jpeg: bytes, captured_at_ns: int = 0) -> bool:
        """Sends one image. Never raises for what the other side does; False: it was dropped."""
        if not self._connect():
            self.dropped += 1
            return False
        try:
            self._socket.sendall(frame_header(len(jpeg), captured_at_ns))
            self._socket.sendall(jpeg)
        except OSError as error:
            self._fail(self._reason() or str(error))
            self.dropped += 1
            return False
        self.sent += 1
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _connect(self) -> bool:
        if self._socket is not None:
            return True
        if self._clock() < self._next_try:
            return False
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self._timeout_seconds)
        try:
            connection.connect(self._path)
        except OSError as error:
            connection.close()
            self._fail(str(error))
            return False
        self._socket = connection
        self.problem = None
        return True

    def _reason(self) -> str:
        """The line with which headland has ended the connection; empty: none."""
        try:
            return self._socket.recv(MAX_REASON_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _fail(self, problem: str) -> None:
        self.close()
        self.problem = problem
        self._next_try = self._clock() + self._retry_seconds
