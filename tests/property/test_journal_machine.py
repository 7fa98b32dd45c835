"""The journal does what its naive model does, through any life with crashes, torn logs, trims and reopenings."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.journal import NOW_US, made_ticks, memory
from trio_ticks.model import Clock, Gap
from trio_ticks.storage.journal import Journal, JournalReader, NewDeadLetter
from trio_ticks.storage.payload import encode

if TYPE_CHECKING:
    from trio_ticks.model import Record

SINKS = st.sampled_from(["a", "b"])


@attrs.define
class Sink:
    position: int
    appended: int = 0
    stored: int = 0
    discarded: int = 0
    dead: list[tuple[int, int]] = attrs.field(factory=list)
    retrying: list[tuple[int, int]] = attrs.field(factory=list)


@attrs.define
class Model:
    """Everything the journal must know, in plain lists."""

    batches: dict[int, list[Record]] = attrs.field(factory=dict)
    position: int = 0
    ticks: int = 0
    mark: tuple[int, bytes] | None = None
    sinks: dict[str, Sink] = attrs.field(factory=dict)

    def ticks_in(self, low: int, high: int) -> int:
        return sum(item.kind == "tick" for n in range(low + 1, high + 1) for item in self.batches[n])


class JournalLife(RuleBasedStateMachine):
    """The two are compared after each step; `history` holds what a torn log may bring back."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=memory()))
        self.lives = 0
        self.model = Model()
        self.history: list[Model] = []
        self.number = 0
        self.open(self.folder / "0.journal")
        self.did()

    def open(self, path: Path) -> None:
        self.path = path
        self.journal = Journal.open(path, now_us=NOW_US, fsync="checkpoint")
        self.cursors = self.journal.open_cursors()
        self.reader = JournalReader(path)
        # Opening empties the log, so no state before this one can come back.
        self.history = []

    def shut(self) -> None:
        self.reader.close()
        self.cursors.close()
        self.journal.close()

    def did(self) -> None:
        self.history.append(copy.deepcopy(self.model))

    @rule(sizes=st.lists(st.integers(0, 4), max_size=4), state=st.none() | st.binary(max_size=8), gap=st.booleans())
    def commit(self, sizes: list[int], state: bytes | None, gap: bool) -> None:
        batches = []
        for size in sizes:
            batches.append(made_ticks(self.number, size))
            self.number += size
        if gap:
            batches.append([Gap(NOW_US, NOW_US + self.number, "closed"), Clock(NOW_US)])
        self.journal.commit(batches, now_us=NOW_US, marks={} if state is None else {"state": state})
        for batch in filter(None, batches):
            self.model.position += 1
            self.model.batches[self.model.position] = batch
        self.model.ticks += sum(sizes)
        for sink in self.model.sinks.values():
            sink.appended += sum(sizes)
        if state is not None:
            self.model.mark = (self.model.position, state)
        self.did()

    @rule(name=SINKS, at=st.sampled_from(["first", "next"]))
    def start(self, name: str, at: Any) -> None:
        self.cursors.start(name, now_us=NOW_US, at=at)
        if name not in self.model.sinks:
            first = min(self.model.batches, default=1)
            position = first - 1 if at == "first" else self.model.position
            self.model.sinks[name] = Sink(position, self.model.ticks_in(position, self.model.position))
        self.did()

    @precondition(lambda self: self.model.sinks)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.sinks)))
        sink = self.model.sinks[name]
        if sink.position == self.model.position:
            return
        position = data.draw(st.integers(sink.position + 1, self.model.position))
        ticks = self.model.ticks_in(sink.position, position)
        dead = data.draw(st.integers(0, min(ticks, 2)))
        discarded = data.draw(st.integers(0, ticks - dead))
        letters = [NewDeadLetter(position, place, "no", encode([])) for place in range(dead)]
        stored = ticks - dead - discarded
        self.cursors.settle(name, position, now_us=NOW_US, stored=stored, dead=letters, discarded=discarded)
        sink.position = position
        sink.stored += stored
        sink.discarded += discarded
        sink.dead += [(position, place) for place in range(dead)]
        self.did()

    @precondition(lambda self: any(sink.dead or sink.retrying for sink in self.model.sinks.values()))
    @rule(data=st.data(), deed=st.sampled_from(["retry", "discard", "stored", "dead"]))
    def bring_up_letters(self, data: st.DataObject, deed: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.sinks)))
        sink = self.model.sinks[name]
        pile = sink.dead if deed in ("retry", "discard") else sink.retrying
        letters = self.cursors.dead_letters(name) if pile is sink.dead else self.cursors.retrying(name)
        chosen = [letter for letter in letters if data.draw(st.booleans())]
        ids = [letter.id for letter in chosen]
        for letter in chosen:
            pile.remove((letter.position, letter.place))
        keys = [(letter.position, letter.place) for letter in chosen]
        if deed == "retry":
            self.cursors.retry(name, ids)
            sink.retrying += keys
        elif deed == "discard":
            self.cursors.discard(name, ids)
            sink.discarded += len(keys)
        elif deed == "stored":
            self.cursors.settle_retries(name, stored=ids)
            sink.stored += len(keys)
        else:
            self.cursors.settle_retries(name, dead=dict.fromkeys(ids, "again"))
            sink.dead += keys
        self.did()

    @rule(want_bytes=st.sampled_from([1, 10**9]))
    def trim(self, want_bytes: int) -> None:
        trimmed = self.journal.trim(want_bytes=want_bytes)
        passed = min((sink.position for sink in self.model.sinks.values()), default=0)
        deletable = [n for n in self.model.batches if n <= min(passed, self.model.position - 1)]
        gone = sorted(self.model.batches)[: trimmed.batches]
        assert gone == sorted(deletable)[: len(gone)]
        assert want_bytes == 1 or len(gone) == len(deletable)
        assert bool(gone) == bool(deletable)
        for position in gone:
            del self.model.batches[position]
        self.did()

    @rule()
    def reopen(self) -> None:
        self.shut()
        self.open(self.path)
        assert not self.journal.damage
        self.did()

    @rule()
    def crash(self) -> None:
        """What was committed survives the end of the process, whatever it had open."""
        self.fall_back(None)

    @rule(data=st.data(), flip=st.booleans())
    def tear(self, data: st.DataObject, flip: bool) -> None:
        """A log that is cut or changed brings back a state that the journal had: the newest before the tear."""
        log = Path(f"{self.path}-wal").read_bytes()
        place = data.draw(st.integers(0, max(0, len(log) - 1)))
        torn = log[:place] + (bytes([log[place] ^ 1]) + log[place + 1 :] if flip and log else b"")
        self.fall_back(torn)

    def fall_back(self, log: bytes | None) -> None:
        self.lives += 1
        copied = self.folder / f"{self.lives}.journal"
        shutil.copy(self.path, copied)
        wal = Path(f"{self.path}-wal")
        if wal.exists():
            Path(f"{copied}-wal").write_bytes(wal.read_bytes() if log is None else log)
        self.shut()
        history = self.history
        self.open(copied)
        assert not self.journal.damage
        if log is not None:
            known = [model for model in history if self.seen() == self.expected(model)]
            assert known, "a state that the journal never had"
            self.model = copy.deepcopy(known[-1])
        self.did()

    def seen(self) -> Any:
        info = self.reader.info()
        batches = {batch.position: batch.decode() for batch in self.reader.batches(limit=-1)}
        saved = self.journal.marks().get("state")
        sinks = {
            state.name: (
                state.position,
                state.appended,
                state.stored,
                state.dead_lettered,
                state.discarded,
                state.pending,
                sorted((item.position, item.place) for item in self.cursors.retrying(state.name)),
                sorted((item.position, item.place) for item in self.cursors.dead_letters(state.name)),
            )
            for state in info.cursors
        }
        return batches, info.total_ticks, info.ticks, saved and (saved.position, saved.payload), sinks

    def expected(self, model: Model) -> Any:
        held = sum(item.kind == "tick" for batch in model.batches.values() for item in batch)
        sinks = {
            name: (
                sink.position,
                sink.appended,
                sink.stored,
                len(sink.dead),
                sink.discarded,
                model.ticks_in(sink.position, model.position) + len(sink.retrying),
                sorted(sink.retrying),
                sorted(sink.dead),
            )
            for name, sink in model.sinks.items()
        }
        return model.batches, model.ticks, held, model.mark, sinks

    @invariant()
    def it_knows_what_the_model_knows(self) -> None:
        assert self.seen() == self.expected(self.model)
        assert (self.journal.last_position, self.journal.total_ticks) == (self.model.position, self.model.ticks)

    @invariant()
    def every_sink_accounts_for_every_tick(self) -> None:
        for state in self.cursors.states():
            assert state.appended == state.stored + state.dead_lettered + state.discarded + state.pending

    @invariant()
    def reading_everything_is_the_batches_in_order(self) -> None:
        records = [item for batch in self.reader.records() for item in batch]
        assert records == [item for n in sorted(self.model.batches) for item in self.model.batches[n]]

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            assert not self.reader.verify().damage
            self.shut()
            shutil.rmtree(self.folder)


TestJournalLife = JournalLife.TestCase
TestJournalLife.settings = settings(stateful_step_count=15, max_examples=60)
