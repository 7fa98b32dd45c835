"""The dashboard's port: whether ``run`` would get it."""

from __future__ import annotations

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good, unchecked
from trio_ticks.app.http import close_all, listen
from trio_ticks.config import HttpConfig
from trio_ticks.errors import ConfigError

WHAT = "http"


async def check_port(config: HttpConfig | None, holder: str | None) -> Finding:
    """Listen for a moment where the dashboard would be, and say whether that can be had.

    Args:
        config: Where; None: nobody has said a word about it, so `run` tries the default and goes on without.
        holder: Who writes the journal now, and serves the dashboard therefore; None: nobody.
    """
    wished = config or HttpConfig()
    if wished.is_off:
        return good(WHAT, "off: nothing is served")
    try:
        close_all(await listen(wished))
    except ConfigError as error:
        return judge_refusal(str(error), is_wished=config is not None, holder=holder)
    if not wished.port:
        return good(WHAT, f"{wished.bind}: any free port, which the log names")
    return good(WHAT, f"{wished.bind} is free for the dashboard")


def judge_refusal(words: str, *, is_wished: bool, holder: str | None) -> Finding:
    """Judge that the port cannot be had.

    Args:
        words: Why not, and what to do.
        is_wished: Whether the configuration names it: then `run` does not start without.
        holder: As `check_port` takes it.
    """
    if holder is not None:
        return unchecked(WHAT, f"{holder}, serves its dashboard")
    if is_wished:
        return bad(WHAT, words)
    return doubtful(WHAT, f"no dashboard: {words}", "the engine runs without it meanwhile")
