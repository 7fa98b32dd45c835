"""What a sink is: whatever takes batches from the journal, and says what became of them.

A sink of one's own is an async function of a `SinkBatch`, wrapped in `Sink`. It is called at least once for every
batch, in the journal's order, one at a time; after a crash or an outage with the same batch, of the same ``id``, once
more. What it returns counts for nothing: that it returns is the receipt. It raises `SinkRejectedError` for what it
will never take, which is kept as a dead letter, and anything else to be called again later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import attrs

from trio_ticks.config import rules
from trio_ticks.errors import ConfigError
from trio_ticks.model import Record, Tick
from trio_ticks.runtime.calling import name_of
from trio_ticks.storage import payload


@attrs.define(eq=False)
class SinkBatch:
    """Records of the journal on their way to a sink.

    Attributes:
        id: Its position in the journal, or that of the last batch where several were put together: greater for every
            later batch, and the same on a resend of the same records.
        parts: Batches of the journal, each with its position and its payload as `trio_ticks.storage.payload` writes
            it. Records are decoded from them when they are first asked for.
        kinds: Of the records that the sink takes.
        place: In its batch of the journal, of the one record that is sent again by itself: a dead letter.
    """

    id: int
    parts: Sequence[tuple[int, bytes]]
    kinds: Collection[str]
    place: int | None = None
    _decoded: tuple[Sequence[Record], Sequence[tuple[int, int]]] | None = None

    @property
    def records(self) -> Sequence[Record]:
        """The records of the kinds that the sink takes, in the journal's order."""
        return self.decode()[0]

    @property
    def places(self) -> Sequence[tuple[int, int]]:
        """For each of the records its place: position in the journal, and number in that batch."""
        return self.decode()[1]

    @property
    def ticks(self) -> Sequence[Tick]:
        """The ticks among the records."""
        return [item for item in self.records if type(item) is Tick]

    def rows(self) -> list[dict[str, Any]]:
        """Return each record as plain values by name, with its ``kind``."""
        return [{"kind": item.kind, **attrs.asdict(item)} for item in self.records]

    def decode(self) -> tuple[Sequence[Record], Sequence[tuple[int, int]]]:
        """Return the records and their places, which are remembered.

        Raises:
            JournalError: a part is no payload, or of a newer version.
        """
        if self._decoded is None:
            found = [
                (record, (position, number))
                for position, written in self.parts
                for number, record in enumerate(payload.decode(written), self.place or 0)
                if record.kind in self.kinds
            ]
            self._decoded = [record for record, _ in found], [place for _, place in found]
        return self._decoded


@attrs.frozen
class Refused:
    """A record that the sink will never take: its index in the batch, and why."""

    index: int
    reason: str


class Delivery(Protocol):
    """An open way to a sink."""

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        """Hand a batch over; return what of it will never be taken.

        Raises:
            SinkUnavailableError: not now; the same batch is tried again, after its ``after_s`` where it has one.
            SinkRejectedError: nothing of it will ever be taken.

        Cancellation:
            At any await; whether the batch arrived is then unknown, and it is sent again.
        """
        ...


class AnySink(Protocol):
    """What the engine can drain to.

    Attributes:
        name: Of its cursor in the journal: under another name it is another sink, and gets everything again.
        kinds: Of the records that it takes.
        batch_ticks: Batches of the journal that wait are put together until they hold so many records. 1: each is
            handed over as it is, so that a resend is cut just as the first attempt.
        in_flight: So many batches are handed over at once. More than 1 is for sinks to which order means nothing.
        reads_payloads: It takes batches as they are written. Otherwise their records are decoded beforehand, in the
            thread that reads the journal.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above, as are the four below
    @property
    def kinds(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def batch_ticks(self) -> int: ...  # noqa: D102
    @property
    def in_flight(self) -> int: ...  # noqa: D102
    @property
    def reads_payloads(self) -> bool: ...  # noqa: D102

    def open(self) -> AbstractAsyncContextManager[Delivery]:
        """Return the way to it, for as long as the engine runs. Connecting is the business of the first delivery."""
        ...


def _kinds(kinds: Iterable[str]) -> frozenset[str]:
    if isinstance(kinds, str):
        raise ConfigError(f"kinds = {kinds!r}: accepted is a set of kinds, such as {{'tick', 'gap'}}")
    try:
        payload.bits_of(*kinds)
    except ValueError as error:
        raise ConfigError(f"kinds: {error}") from None
    return frozenset(kinds)


@attrs.frozen(kw_only=True)
class Sink:
    """An async function of a `SinkBatch` as a sink.

    Attributes:
        function: Called with one batch at a time.
        name: Of its cursor; the function's own name by default.
        kinds: What it takes: ``tick``, ``gap``, ``status``, ``signal`` …
        batch_ticks: Batches of the journal that wait are put together until they hold so many records. With 1, the
            default, each is handed over as it is, and ``id`` tells a resend for certain; with more there are fewer
            calls, and after a restart what waits may be put together otherwise.
    """

    function: Callable[[SinkBatch], Awaitable[Any]] = attrs.field(kw_only=False)
    name: str = ""
    kinds: frozenset[str] = attrs.field(default=frozenset({"tick"}), converter=_kinds)
    batch_ticks: int = attrs.field(default=1, validator=rules.count(1))
    in_flight = 1
    reads_payloads = False

    def __attrs_post_init__(self) -> None:
        if not callable(self.function):
            raise ConfigError(f"sink {self.function!r} is not a function; accepted: an async function of a SinkBatch")
        if not self.name:
            # Attrs' own way to finish a frozen record.
            object.__setattr__(self, "name", name_of(self.function))

    def open(self) -> AbstractAsyncContextManager[Delivery]:
        """Return the way to the function."""
        return _Calling(self.function)


@attrs.frozen
class _Calling:
    function: Callable[[SinkBatch], Awaitable[Any]]

    async def __aenter__(self) -> Delivery:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def deliver(self, batch: SinkBatch) -> Sequence[Refused]:
        await self.function(batch)
        return ()
