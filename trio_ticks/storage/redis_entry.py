"""What lies in a Redis stream: one entry for each batch of a journal, with the batch's position as its id.

An entry has the id ``<position>-0`` and three fields: ``trio_ticks``, the version of this layout; ``writer``, which
journal it is from; and ``payload``, the records as `trio_ticks.storage.payload` writes them. Positions are without
holes, so a reader sees from the ids alone whether something is missing; and they only grow, so a writer that sends
an entry again finds it there.

A reader's position is the last-delivered id of a consumer group that has its name. Nothing is ever read through the
group: it is the one thing that Redis keeps for a stream and still lets be moved when it is out of memory, which is
when it counts that what was read can be trimmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from trio_ticks.errors import JournalError
from trio_ticks.model import Record
from trio_ticks.storage import payload as payloads

VERSION = b"1"

_VERSION, _WRITER, _PAYLOAD = b"trio_ticks", b"writer", b"payload"

NOTHING = "0-0"
"""The id before the first."""


@attrs.frozen
class Entry:
    """One batch of a journal in a stream.

    Attributes:
        position: Of the batch in its journal.
        writer: Names the journal.
        payload: The records, encoded.
        version: Of the entry's layout.
    """

    position: int
    writer: str
    payload: bytes = attrs.field(repr=False)
    version: bytes = VERSION

    @classmethod
    def of(cls, identifier: bytes, fields: Mapping[bytes, bytes]) -> Self | None:
        """Return what was read as an entry; None where it is another program's."""
        position, _, number = identifier.partition(b"-")
        if _VERSION not in fields or number != b"0":
            return None
        writer = fields.get(_WRITER, b"").decode("utf-8", "replace")
        return cls(int(position), writer, fields.get(_PAYLOAD, b""), fields[_VERSION])

    @property
    def id(self) -> str:
        """Its id in the stream."""
        return id_of(self.position)

    @property
    def fields(self) -> tuple[bytes, ...]:
        """Names and values by turns, in the order in which the writer stands fourth."""
        return (_VERSION, self.version, _WRITER, self.writer.encode(), _PAYLOAD, self.payload)

    def records(self) -> list[Record]:
        """Return the records, in order.

        Raises:
            JournalError: it was written by a newer version, or is not what was written.
        """
        if self.version != VERSION:
            raise JournalError(
                f"entry {self.id} has layout {self.version.decode('utf-8', 'replace')!r};"
                f" this trio_ticks knows {VERSION.decode()}"
            )
        try:
            return payloads.decode(self.payload)
        except JournalError as error:
            raise JournalError(f"entry {self.id}: {error}") from error

    def is_same(self, other: Entry) -> bool:
        """Tell whether two entries hold the same records of the same journal, however they were compressed.

        Raises:
            JournalError: one of them cannot be read.
        """
        if (self.position, self.writer) != (other.position, other.writer):
            return False
        return self.payload == other.payload or self.records() == other.records()


def id_of(position: int) -> str:
    """Return the id of the entry with a position."""
    return f"{position}-0"


def order_of(identifier: str) -> tuple[int, int]:
    """Return an id as Redis orders them."""
    time, _, number = identifier.partition("-")
    return int(time), int(number)


def trim_below(acknowledged: Iterable[int], newest: int) -> int:
    """Return the position below which entries may go; 0 where none may.

    What every reader has acknowledged may go. Without a reader nothing may, for the first is still to come; and the
    newest entry stays, because a writer that sends it again has to find it.

    Args:
        acknowledged: By each reader, the position up to which it has everything.
        newest: The position of the newest entry.
    """
    slowest = min(acknowledged, default=-1)
    return min(slowest + 1, newest)
