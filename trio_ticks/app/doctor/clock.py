"""The clock: what this machine takes the time for, beside what a vendor does; and TLS on the same road."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import attrs

from trio_ticks.app.doctor.finding import Finding, bad, doubtful, good, unchecked
from trio_ticks.errors import CertificateError, FeedError
from trio_ticks.runtime.asking import told_time
from trio_ticks.runtime.road import Road

TOLERABLE_S, WRONG_S = 2.0, 60.0
"""The header tells whole seconds and the road takes some of them, so less than two are nothing. Past a minute the
sequencer refuses stamps as lying ahead, or every age is nonsense; in between only ages and latencies are wrong."""

TIMEOUT_S = 10.0

SET_THE_CLOCK = "set the clock: timedatectl set-ntp true"

_HALF_S = 0.5


@attrs.frozen
class ClockCheck:
    """What one answer of a vendor tells.

    Attributes:
        tls: How it stands with the certificate.
        clock: How it stands with the clock.
        error: Why there was no answer; "" where there was one.
    """

    tls: Finding
    clock: Finding
    error: str = ""


async def check_clock(name: str, stream_url: str, road: Road, now_us: Callable[[], int]) -> ClockCheck:
    """Ask a vendor's host for its time, over the road that the stream takes.

    Args:
        name: The feed's.
        stream_url: ``ws://`` or ``wss://``.
        road: How it is reached.
        now_us: This machine's clock.
    """
    parts = urlsplit(stream_url)
    is_secure = parts.scheme == "wss"
    url = f"{'https' if is_secure else 'http'}://{parts.netloc}/"
    tls_name, clock_name = f"tls {name}", f"clock {name}"
    before_us = now_us()
    try:
        date = await told_time(url, timeout_s=TIMEOUT_S, road=road)
    except CertificateError as error:
        return ClockCheck(_refused(tls_name, error), unchecked(clock_name, "the certificate is refused"), str(error))
    except FeedError as error:
        why = f"no answer: {error}"
        return ClockCheck(unchecked(tls_name, why), unchecked(clock_name, why), str(error))
    ahead_s = ahead_of(date, (before_us + now_us()) / 2e6)
    clock = (
        unchecked(clock_name, f"{parts.netloc} does not tell the time")
        if ahead_s is None
        else judge_clock(clock_name, ahead_s, parts.netloc)
    )
    found = f"the certificate of {parts.netloc} is good; {ssl.OPENSSL_VERSION}"
    return ClockCheck(good(tls_name, found if is_secure else "not used: the address is in the clear"), clock)


def ahead_of(date: str, now_s: float) -> float | None:
    """Return how far a clock is ahead of an HTTP ``Date``, in seconds; None where that is no date."""
    try:
        told_s = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
    return now_s - told_s - _HALF_S  # what is cut off a second is half of one on average


def judge_clock(what: str, ahead_s: float, host: str) -> Finding:
    """Judge how far this machine's clock is ahead of a vendor's, or behind it where that is negative."""
    off_s = abs(ahead_s)
    found = f"{off_s:,.1f} s {'ahead of' if ahead_s > 0 else 'behind'} {host}"
    if off_s <= TOLERABLE_S:
        return good(what, f"the same as {host}'s, to the {TOLERABLE_S:g} s that it tells")
    if off_s <= WRONG_S:
        return doubtful(what, f"{found}: ages of prices are wrong by as much", SET_THE_CLOCK)
    meaning = "fresh prices look old" if ahead_s > 0 else "prices are refused as lying ahead"
    return bad(what, f"{found}: {meaning}", SET_THE_CLOCK)


def _refused(what: str, error: CertificateError) -> Finding:
    return bad(
        what,
        str(error),
        "where an authority of your own signs, name its PEM file as ca_file; otherwise apt install ca-certificates",
    )
