"""What travels between a gym and the chain. Pure.

    chain.events.SITE   a batch of changes, JSON behind zlib: some rows as they are now, some that are gone
    chain.ack.SITE      an AckMessage, as from a record to a station: what of the stream is committed

A relay begins a stream at every start, and numbers in it what was not acknowledged before. `epoch` is when it
began, in milliseconds, and never goes back: (epoch, seq) says which of two states of a row is the newer. The
site is in the subject alone, which the server lets nobody else publish to.
"""

import re
import zlib
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from dashboard.chain.kinds import KINDS, key_columns, month_of, row_decoder
from station.errors import MessageError
from station.records import Count, Seq
from station.topics import NAME

STREAM = "PLUMBLINE"  # of JetStream
EVENTS, ACKS = "chain.events", "chain.ack"
CONSUMER = "ingest"
MAX_PACKED_BYTES = 900_000  # the server's limit is 1 MiB
MAX_BYTES = 16 * 2**20

_ESCAPE = re.compile(rb'\\[^"\\]')  # of JSON, and not of CSV with the same escape character
T = TypeVar("T", bound=msgspec.Struct)
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Key = Annotated[str, msgspec.Meta(max_length=512)]


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="plumbline/chain/1"):
    """The changes from first_seq up to and with last_seq; numbers that are not named were superseded."""

    stream: _Id
    epoch: Count
    first_seq: Seq
    last_seq: Seq
    columns: dict[str, list[str]] = {}  # by kind, in the order of a row behind its number
    rows: dict[str, list[msgspec.Raw]] = {}
    gone: list[tuple[Seq, _Id, _Key, _Key, Annotated[str, msgspec.Meta(max_length=7)]]] = []
    settled: tuple[_Id, Count] | None = None  # the relay's stream before: up to where it was acknowledged


class RowChange(NamedTuple):
    """The state of one row after a change; `columns` None: it is gone."""

    kind: str
    site: str
    station: str
    event_id: str
    month: str
    epoch: int
    seq: int
    columns: tuple[str, ...] | None = None
    line: bytes = b""  # its number and the values of the columns, as CSV with JSON's null and escapes

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What it is the state of."""
        return self[:5]


class BadRow(NamedTuple):
    """A row that failed its checks, and why."""

    payload: bytes
    reason: str


class ReceivedBatch(NamedTuple):
    """A batch of a site, and what is in it."""

    site: str
    batch: Batch
    changes: list[RowChange]
    bad: list[BadRow]


def subject(prefix: str, site: str) -> str:
    """The subject of a site."""
    return f"{prefix}.{site}"


def site_of(text: str) -> str:
    """The site in a subject. Raises MessageError."""
    site = text.rpartition(".")[2]
    if NAME.fullmatch(site) is None:
        raise MessageError(f"{text[:80]}: no site")
    return site


def pack(message: msgspec.Struct) -> bytes:
    """JSON behind zlib."""
    return zlib.compress(msgspec.json.encode(message), 1)


def unpacked(payload: bytes, kind: type[T], most: int) -> T:
    """What was packed, of at most so many bytes. Raises MessageError for what is none."""
    unzip, called = zlib.decompressobj(), kind.__name__.lower()
    try:
        text = unzip.decompress(payload, most)
        if not unzip.eof:
            raise MessageError(f"a {called} of more than {most} bytes, or cut off")
        return msgspec.json.decode(text, type=kind)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"no {called}: {str(error)[:200]}") from error


def unpack(payload: bytes) -> Batch:
    """The batch of a message. Raises MessageError for what is none."""
    batch = unpacked(payload, Batch, MAX_BYTES)
    if batch.first_seq > batch.last_seq:
        raise MessageError(f"a batch from {batch.first_seq} to {batch.last_seq} runs backwards")
    kinds = {*batch.rows, *batch.columns, *(one[1] for one in batch.gone)}
    if not kinds <= KINDS.keys() or not batch.rows.keys() <= batch.columns.keys():
        raise MessageError(f"a batch of kinds unknown here: {', '.join(sorted(kinds - KINDS.keys()))[:200]}")
    for kind, columns in batch.columns.items():
        row_decoder(kind, tuple(columns))
    return batch


def read(text: str, payload: bytes) -> ReceivedBatch:
    """What came on a subject: its rows that can be used, and those that cannot. Raises MessageError."""
    site, batch = site_of(text), unpack(payload)
    found: list[RowChange] = []
    bad: list[BadRow] = []
    for kind, rows in batch.rows.items():
        columns = tuple(batch.columns[kind])
        decoder = row_decoder(kind, columns)
        event, at = key_columns(kind)
        for raw in rows:
            try:
                row = decoder.decode(raw)
                station = getattr(row, at) if at else ""
                month, event_id = month_of(kind, row.at_utc), getattr(row, event)
                line = _line(bytes(raw), row)
                found.append(
                    RowChange(kind, site, station, event_id, month, batch.epoch, row.seq, columns, line)
                )
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError) as error:
                bad.append(BadRow(bytes(raw), f"{kind}: {type(error).__name__}: {str(error)[:200]}"))
    for seq, kind, station, event_id, month in batch.gone:
        found.append(RowChange(kind, site, station, event_id, month, batch.epoch, seq))
    return ReceivedBatch(site, batch, found, bad)


def _line(raw: bytes, row: msgspec.Struct) -> bytes:
    """A row for COPY: what stands between a JSON array's brackets is CSV already, but for some escapes.

    To take it as it is costs a tenth of writing it anew.
    """
    if raw[:1] == b"[" and raw[-1:] == b"]" and _ESCAPE.search(raw) is None:
        return raw[1:-1]
    return ",".join(map(_cell, msgspec.structs.astuple(row))).encode()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return msgspec.json.encode(value).decode()
