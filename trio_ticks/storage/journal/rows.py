"""A batch as a row, and its checksum over everything the row says."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import attrs

from trio_ticks.errors import JournalDamagedError
from trio_ticks.model import Gap, Record, Tick
from trio_ticks.storage.journal.records import StoredBatch
from trio_ticks.storage.payload import encode, kinds_of

HEADER = "position, first_us, last_us, first_received_us, last_received_us, records, ticks, total_ticks, kinds, crc"
ROW = f"{HEADER}, payload"
INSERT = f"INSERT INTO batch ({ROW}) VALUES ({', '.join('?' * 11)})"

_LEAST, _MOST = -(2**63), 2**63 - 1
_FIELDS = struct.Struct("<9q")


@attrs.frozen
class Sealed:
    """A batch before it has its place: the header but for position and total, and the payload."""

    header: tuple[int, ...]
    ticks: int
    kinds: int
    payload: bytes

    def row(self, position: int, total_ticks: int) -> tuple[Any, ...]:
        """Return the row of the batch in this place."""
        fields = (position, *self.header, self.ticks, total_ticks, self.kinds)
        return (*fields, checksum(fields, self.payload), self.payload)


def seal(records: Sequence[Record], now_us: int) -> Sealed:
    """Return a batch ready to be written; the part of a commit that needs no lock."""
    times = [item.time_us for item in records]
    times += [item.start_us for item in records if type(item) is Gap]
    received = [item.received_us for item in records if type(item) is Tick] or [now_us]
    bounds = (min(times), max(times), min(received), max(received))
    ticks = sum(type(item) is Tick for item in records)
    header = (*(max(_LEAST, min(_MOST, bound)) for bound in bounds), len(records))
    return Sealed(header, ticks, kinds_of(records), encode(records))


def checksum(fields: Sequence[int], payload: bytes) -> int:
    """Return the crc32 over a row's fields and its payload."""
    return zlib.crc32(payload, zlib.crc32(_FIELDS.pack(*fields)))


def batch_of(row: Sequence[Any]) -> StoredBatch:
    """Return a row as a batch.

    Raises:
        JournalDamagedError: the row is not what was written.
    """
    *fields, crc, payload = row
    try:
        sound: bool = checksum(fields, payload) == crc
    except (struct.error, TypeError):
        sound = False
    if not sound:
        raise JournalDamagedError(f"batch {row[0]} is not what was written: its checksum differs")
    return StoredBatch(*(*fields, payload))
