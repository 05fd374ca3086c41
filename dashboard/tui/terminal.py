"""A terminal driver that survives bytes that are not UTF-8 and a terminal that goes away.

Textual's driver ends the whole app at the first byte that is no UTF-8 (a Latin-1 badge reader, a mouse report
of 1989 after a tmux re-attach), spins when its input is over, and stops writing for ever at the first write
that fails. Here such bytes are passed over, and a terminal that is gone ends the app in order.
"""

import os
import selectors
from codecs import getincrementaldecoder
from typing import IO, Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from dashboard.ending import hang_up

POLL_S = 0.1
CHUNK = 4096


class KeyReader:
    """Decodes a terminal's bytes into keys and mouse events; no input raises."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("ignore").decode
        self._parser = XTermParser()

    def feed(self, data: bytes) -> list[Message]:
        """The events that these bytes complete; with none, those that have waited long enough."""
        events: list[Message] = []
        for char in self._decode(data):  # one by one: what follows a sequence without meaning counts
            events += self._parse(char)
        return events + self._parse("")

    def _parse(self, char: str) -> list[Message]:
        try:
            return list(self._parser.feed(char) if char else self._parser.tick())
        except Exception:  # noqa: BLE001 - Textual's parser: chr() of a key that is none, and what else there is
            self._parser = XTermParser()
            return []


class _Screen:
    """The file that is written to; when the terminal is gone, so is what is written."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            return

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            return

    def fileno(self) -> int:
        return self._file.fileno()


class Terminal(LinuxDriver):
    """Textual's driver for Linux, reading its input with KeyReader."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._file: Any = _Screen(self._file)

    def run_input_thread(self) -> None:
        """Read keys and mouse until the app ends or the terminal is gone."""
        reader = KeyReader()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                data = b""
                if selector.select(POLL_S) and not (data := self._read()):
                    hang_up()
                    self._app.call_later(self._app.exit, 0)
                    return
                for event in reader.feed(data):
                    self.process_message(event)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, CHUNK)
        except OSError:  # EIO: nobody holds the other end any more
            return b""
