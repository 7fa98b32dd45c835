"""What the journal hands out: plain values, none of them tied to a connection."""

from __future__ import annotations

import attrs

from trio_ticks.model import Record
from trio_ticks.storage import payload as payloads


@attrs.frozen
class Committed:
    """What one commit wrote. Without any record both positions are those of the last batch."""

    first_position: int
    last_position: int
    ticks: int
    payload_bytes: int


@attrs.frozen
class Mark:
    """Something that is kept under a key until it is replaced, such as the sequencer's state.

    Attributes:
        behind: The last batch of the commit before it: what it says holds behind that one at least.
        position: The last batch of its own commit.
        saved_us: When that was.
        payload: What it says.
    """

    behind: int
    position: int
    saved_us: int
    payload: bytes


@attrs.frozen
class StoredBatch:
    """One batch as it lies in the journal.

    Attributes:
        position: Its number, from 1 on; the same for ever.
        first_us, last_us: The least and the greatest time of its records. A gap spans its whole stretch.
        first_received_us, last_received_us: The same for receipt; the time of the commit where nothing says.
        records, ticks: How many.
        total_ticks: How many ticks the journal has taken in its life, these included.
        kinds: Which kinds it holds, as `trio_ticks.storage.payload.kinds_of` says.
        payload: The records as `trio_ticks.storage.payload.encode` writes them.
    """

    position: int
    first_us: int
    last_us: int
    first_received_us: int
    last_received_us: int
    records: int
    ticks: int
    total_ticks: int
    kinds: int
    payload: bytes = attrs.field(repr=False)

    def decode(self) -> list[Record]:
        """Return the records, in order.

        Raises:
            JournalError: written by a newer version.
        """
        return payloads.decode(self.payload)


@attrs.frozen
class Damage:
    """What cannot be read: the positions from first to last, or the file's structure where both are 0."""

    first_position: int
    last_position: int
    reason: str


@attrs.frozen
class NewDeadLetter:
    """What a sink will never take.

    Attributes:
        position, place: The batch, and the place of the record in it.
        reason: One plain sentence.
        payload: The record, as `trio_ticks.storage.payload.encode` writes it.
        ticks: How many ticks it stands for.
    """

    position: int
    place: int
    reason: str
    payload: bytes = attrs.field(repr=False)
    ticks: int = 1


@attrs.frozen
class DeadLetter(NewDeadLetter):
    """A dead letter as it is kept: its number, when it died, and whether it waits to be sent again."""

    id: int = 0
    died_us: int = 0
    retrying: bool = False


@attrs.frozen
class CursorState:
    """How far one sink is, in ticks over the journal's life: appended = stored + dead_lettered + discarded + pending.

    Attributes:
        name: The sink's.
        position: Everything up to this batch is settled.
        appended: Ticks that the journal has taken since the sink's start.
        stored, dead_lettered, discarded: What became of those that are settled.
        pending: Those behind the position, and the dead letters that wait to be sent again.
        retrying: Those dead letters alone.
        letters: How many dead letters that is; more than nothing also where they are of no tick.
        settled_us: When it last moved.
        oldest_pending_us: When the first batch behind the position was received; None where there is none.
    """

    name: str
    position: int
    appended: int
    stored: int
    dead_lettered: int
    discarded: int
    pending: int
    retrying: int
    letters: int
    settled_us: int
    oldest_pending_us: int | None


@attrs.frozen
class JournalInfo:
    """The journal at one instant.

    Attributes:
        path: The file.
        format_version: Of the file.
        created_us, created_by: When, and by which process.
        size_bytes: The file and the log beside it.
        free_bytes: Room inside the file that passed batches left.
        first_position, last_position: The batches it holds; both 0 in an empty one.
        ticks: How many it holds.
        total_ticks: How many it has taken in its life.
        first_us, last_us: The least and the greatest time of what it holds; None in an empty one.
        marked_position: Where the latest mark was saved; None where there is none.
        cursors: Of all sinks it knows.
    """

    path: str
    format_version: int
    created_us: int
    created_by: str
    size_bytes: int
    free_bytes: int
    first_position: int
    last_position: int
    ticks: int
    total_ticks: int
    first_us: int | None
    last_us: int | None
    marked_position: int | None
    cursors: tuple[CursorState, ...]


@attrs.frozen
class Trimmed:
    """What was deleted because every sink has it."""

    batches: int
    ticks: int
    payload_bytes: int


@attrs.frozen
class Verified:
    """What a reading of every row found."""

    batches: int
    ticks: int
    damage: tuple[Damage, ...]
