"""The streams of a command: what the scenario's words mean, and the callers' readers and writers.

A pipe is asked of the library (PIPE); everything else is made here, and closed here.
"""

import io
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, Any

import osexec
from tests.conformance.compare import Scenario

JOIN = 2.0


class UnsupportedError(Exception):
    """The scenario wants something that osexec, or this driver, does not have."""


class CallerError(Exception):
    """What the caller's own reader, writer or cancel function raises."""


class FailingReader:
    """Delivers its text once, if it has any, then fails."""

    def __init__(self, text: str, message: str) -> None:
        self._text = text.encode()
        self._message = message

    def read(self, size: int = -1) -> bytes:
        text, self._text = self._text, b""
        if not text:
            raise CallerError(self._message)
        return text


class SlowReader:
    """Every read takes its time and gives one byte; there is no end."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def read(self, size: int = -1) -> bytes:
        time.sleep(self._seconds)
        return b"x"


class FailingWriter:
    """Fails at once."""

    def __init__(self, message: str) -> None:
        self._message = message

    def write(self, data: bytes) -> int:
        raise CallerError(self._message)


class Discard:
    """Drops everything."""

    def write(self, data: bytes) -> int:
        return len(data)


class SlowWriter:
    """Every write keeps its bytes, then takes its time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        time.sleep(self._seconds)
        return len(data)

    def getvalue(self) -> bytes:
        return bytes(self._kept)


class Peer:
    """A TCP connection to ourselves, whose other end sends some bytes and closes."""

    def __init__(self, size: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.socket = socket.create_connection(server.getsockname())
            self._far_end, _ = server.accept()
        self._thread = threading.Thread(target=self._send, args=(size,), daemon=True)
        self._thread.start()

    def _send(self, size: int) -> None:
        with self._far_end:
            try:
                self._far_end.sendall(b"x" * size)
            except OSError:
                pass  # nobody wants the rest

    def close(self) -> None:
        self.socket.close()
        self._thread.join(JOIN)


class Streams:
    """Values for the fields `stdin`, `stdout`, `stderr` of a Cmd; None where none is given.

    And the files for its `extra_files`, with None for a number that is to be closed.
    """

    def __init__(self) -> None:
        self._closers: list[Callable[[], object]] = []
        self._buffers: dict[str, Any] = {}
        self.stdin: Any = None
        self.stdout: Any = None
        self.stderr: Any = None
        self.extra_files: list[IO[bytes] | None] = []

    def open(self, scenario: Scenario) -> None:
        """Make what the scenario describes; if that fails, close() closes what was made."""
        self.stdin = self._stdin(scenario.get("stdin"))
        self.stdout = self._output("stdout", scenario.get("stdout"))
        self.stderr = self._output("stderr", scenario.get("stderr"))
        for spec in scenario.get("extra_files") or ():
            self.extra_files.append(None if spec.get("nil") else self._holding(spec["text"]))

    @property
    def has_pipe(self) -> bool:
        return any(each is osexec.PIPE for each in (self.stdin, self.stdout, self.stderr))

    def captured(self, name: str) -> bytes | None:
        """What the buffer of "stdout" or "stderr" holds, None if it has no buffer."""
        buffer = self._buffers.get(name)
        return None if buffer is None else buffer.getvalue()

    def close(self) -> None:
        for close in self._closers:
            close()

    def _stdin(self, spec: dict[str, Any] | None) -> Any:
        if spec is None:
            return None
        kind = spec["kind"]
        if kind == "bytes":
            return io.BytesIO(b"x" * spec.get("size", 0))
        if kind == "text":
            return spec.get("text", "").encode()
        if kind == "file":
            return self._opened(spec["name"], "rb")
        if kind == "error":
            return FailingReader(spec.get("text") or "", spec.get("error") or "caller boom")
        if kind == "block":
            return SlowReader(spec.get("ms", 0) / 1000)
        if kind == "pipe":
            return osexec.PIPE
        if kind == "tcp":
            peer = Peer(spec.get("size", 0))
            self._closers.append(peer.close)
            return peer.socket
        raise UnsupportedError(f"stdin of kind {kind}")

    def _output(self, name: str, spec: dict[str, Any] | None) -> Any:
        if spec is None:
            return None
        kind = spec["kind"]
        if kind == "buffer":
            return self._buffers.setdefault(name, io.BytesIO())
        if kind == "stdout" and name == "stderr":
            return osexec.STDOUT if self.stdout is osexec.PIPE else self.stdout
        if kind == "file":
            return self._opened(spec["name"], "ab")
        if kind == "error":
            return FailingWriter(spec.get("error") or "caller boom")
        if kind == "discard":
            return Discard()
        if kind == "block":
            return self._buffers.setdefault(name, SlowWriter(spec.get("ms", 0) / 1000))
        if kind == "pipe":
            return osexec.PIPE
        raise UnsupportedError(f"{name} of kind {kind}")

    def _holding(self, text: str) -> IO[bytes]:
        """A file that holds the text, to be read from its beginning."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the rest
        self._closers.append(file.close)
        file.write(text.encode())
        file.seek(0)
        return file

    def _opened(self, name: str, mode: str) -> io.BufferedIOBase:
        file = open(name, mode)  # noqa: SIM115 - closed with the rest
        self._closers.append(file.close)
        return file
