"""The process that is measured: ``python -m bench.client``, a `Run` on standard input, an `Outcome` on its output."""

from __future__ import annotations

import gc
import importlib
import sys
import threading

from bench.clients import CEILING, CONTESTANTS, FACADES
from bench.plan import CLIENT_CORE, Run, pin
from bench.work import Desk, TimedDesk


def main() -> None:
    """Run one contestant."""
    pin(CLIENT_CORE)
    gc.set_threshold(50_000, 20, 100)  # for everybody, as `trio_ticks.app.tuning` has it, which is not imported here
    run = Run.from_json(sys.stdin.readline())
    desk = TimedDesk(run) if run.timed else Desk(run)
    deadline = threading.Timer(run.deadline_s, desk.report)
    deadline.daemon = True
    deadline.start()
    contestant = {**CONTESTANTS, **FACADES}.get(run.contestant, CEILING)
    importlib.import_module(f"bench.clients.{contestant.module}").run(run, desk)


if __name__ == "__main__":
    main()
