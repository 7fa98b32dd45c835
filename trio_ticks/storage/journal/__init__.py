"""The journal: an append-only log of batches in one SQLite file, the one durable truth.

Everything here is synchronous and knows neither tasks nor the clock: the caller hands in the present, and decides in
which thread it waits for the disk. Three ends, each with a connection of its own, for one thread at a time:

* `Journal` is the writer's. `Journal.open` takes the lock, so there is one. `Journal.commit` appends batches and
  the marks of the engine's state in one transaction; `Journal.trim` gives back what every sink has.
* `Cursors` is the sinks'. `Cursors.settle` moves a cursor, counts, and keeps dead letters in one transaction.
* `JournalReader` reads, from any process, without the lock, while the others write.

A drainer's round, for a sink called ``influxdb``::

    state = cursors.start("influxdb", now_us=now_us)
    for batch in reader.batches(after=state.position):
        ...                                       # batch.decode(), send, get the receipt
        state = cursors.settle("influxdb", batch.position, now_us=now_us, stored=batch.ticks)

What may be relied on:

* When `commit` returns, all of it is in the journal; when it raises, none. Positions are 1, 2, 3 … and never given
  twice.
* With ``fsync = "commit"`` that holds after a power cut, otherwise after the end of the process.
* Retention deletes only what every cursor has passed and no restart needs, and only for want of room. Without a
  cursor it deletes nothing.
* ``appended = stored + dead_lettered + discarded + pending`` for each sink, in ticks, over the journal's life.
* Without room a commit raises `JournalFullError`, everything stays readable, and, above the default floor of free
  space, cursors still move. A commit with ``reserved=True`` may use what is kept to write down the gap.
* What was changed or cut off behind SQLite's back is found by a checksum over each row, named, and passed by.
"""

from trio_ticks.storage.journal.cursors import Cursors
from trio_ticks.storage.journal.reader import JournalReader
from trio_ticks.storage.journal.records import (
    Committed,
    CursorState,
    Damage,
    DeadLetter,
    JournalInfo,
    Mark,
    NewDeadLetter,
    StoredBatch,
    Trimmed,
    Verified,
)
from trio_ticks.storage.journal.writer import Journal

__all__ = [
    "Committed",
    "CursorState",
    "Cursors",
    "Damage",
    "DeadLetter",
    "Journal",
    "JournalInfo",
    "JournalReader",
    "Mark",
    "NewDeadLetter",
    "StoredBatch",
    "Trimmed",
    "Verified",
]
