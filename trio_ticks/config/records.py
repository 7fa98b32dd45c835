"""The settings, their defaults, and why each default is what it is.

Each table of the file is one record here; all are frozen, keyword-only, and hold their own rules, so that a
configuration that exists is a configuration that can be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import attrs

from trio_ticks.config import rules
from trio_ticks.config.archive import ArchiveConfig
from trio_ticks.config.http import HttpConfig
from trio_ticks.config.proxies import proxy_url
from trio_ticks.config.redis import RedisFeed
from trio_ticks.config.secret import Secret, concealed
from trio_ticks.config.sinks import SinkConfig

IdentityChoice: TypeAlias = Literal["auto", "content", "trade_id", "sequence", "time"]
Late: TypeAlias = Literal["flag", "drop"]
Overflow: TypeAlias = Literal["drop_oldest", "drop_newest", "conflate", "fail"]
Transport: TypeAlias = Literal["batched", "trio-websocket"]
OnError: TypeAlias = Literal["restart", "stop"]
Fsync: TypeAlias = Literal["commit", "checkpoint"]
WhenFull: TypeAlias = Literal["gap", "block", "stop"]

# Nothing on a network happens faster than this, and zero would be a hot loop.
_SHORTEST_S = 0.001

_TOKEN = rules.Rule("a text that is not empty", lambda value: isinstance(value, Secret) and bool(value), private=True)


@attrs.frozen(kw_only=True)
class PacingConfig:
    """The rhythm of one vendor, where it differs from what the vendor documents. None: the vendor's.

    Slower than documented only delays subscriptions. Faster is refused or cut off by the vendor, except where
    it made an exception for this token, or where the vendor is a simulator.

    Attributes:
        request_s: Between two requests on one connection, heartbeats included.
        across_s: Between requests on different connections of one token.
        connect_s: Between two attempts to connect.
        heartbeat_s: Between two heartbeats on one connection.
    """

    request_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(0.0)))
    across_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(0.0)))
    connect_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(0.0)))
    heartbeat_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(_SHORTEST_S)))


@attrs.frozen(kw_only=True)
class ConnectionConfig:
    """How a feed's connections are opened, judged and given up.

    Attributes:
        lines: Connections that carry the same symbols at the same time; the first copy of a tick wins.
        symbols_per_connection: At most so many on one connection. None: what the vendor's plan allows.
        silent_after_s: No frame at all for so long: the connection is dead, reconnect.
        mute_after_s: Frames, but no tick of any symbol for so long: ask the vendor whether it trades, or reconnect
            where it cannot be asked. A line that can ask learns a bound of its own from its first ticks on. The bound
            doubles with each step that brought no tick, up to 900 s (or stays where it is, if it was longer).
        stale_after_s: One symbol has not ticked for so long while others did: told, nothing else. A symbol that makes
            long pauses by habit is given longer.
        ack_s: A request that is not answered within this has failed.
        open_timeout_s: For name, TCP, proxy, TLS and the WebSocket handshake together.
        ca_file: A PEM file with the certificates of the authorities to trust, in place of the system's. None: the
            system's. Certificates are always verified.
        proxy: ``http://[user:password@]host[:port]``; a plain text is wrapped at once. "": none. None: what
            ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` say.
        transport: What moves the messages: ``batched``, or ``trio-websocket``, one message at a time.
        backoff_first_s: The wait after the first failed attempt, before jitter; it doubles from there.
        backoff_max_s: The longest wait between two attempts.
        healthy_s: A session that lived so long makes the next failure a first one again.
        pacing: The vendor's rhythm, where it is not the documented one.
    """

    # One connection is what every plan has. The second closes the hole of each reconnect of the first, and
    # costs a connection of the plan; a third would only guard against both failing at once.
    lines: int = attrs.field(default=1, validator=rules.count(1, 2))
    symbols_per_connection: int | None = attrs.field(default=None, validator=rules.optional(rules.count(1)))
    # A heartbeat goes out every 10 s or oftener, and its answer is a frame: 15 s leave it 5 s to come.
    # Shorter cuts healthy links on a slow road; longer is time in which ticks are lost unseen.
    silent_after_s: float = attrs.field(default=15.0, validator=rules.seconds(_SHORTEST_S))
    # Thin symbols trade once in some seconds, so a minute is rarely honest silence in an open market; a muted
    # link loses a minute at most. In a closed market the doubling ends at four reconnects an hour.
    mute_after_s: float = attrs.field(default=60.0, validator=rules.seconds(_SHORTEST_S))
    # Shorter tells of every thin share that pauses; longer lets a code that never ticks go unnoticed.
    stale_after_s: float = attrs.field(default=300.0, validator=rules.seconds(_SHORTEST_S))
    # Answers take milliseconds; five seconds outlast two lost packets. Longer delays the retry of a
    # subscription that went nowhere, and no tick comes meanwhile.
    ack_s: float = attrs.field(default=5.0, validator=rules.seconds(_SHORTEST_S))
    # TCP repeats a lost first packet after 1, 3 and 7 s. Shorter gives up on roads that lose some; longer
    # waits for hosts that are gone.
    open_timeout_s: float = attrs.field(default=10.0, validator=rules.seconds(_SHORTEST_S))
    # The system's authorities vouch for every public vendor. A file of one's own is for a venue or a proxy that has
    # an authority of its own; trusting the others as well would only let more people pose as it.
    ca_file: str | None = attrs.field(default=None, validator=rules.optional(rules.some_text()))
    # What every other program on the host goes by. A feed of its own mind is an exception.
    proxy: Secret | None = attrs.field(default=None, converter=concealed, validator=rules.optional(proxy_url()))
    # Batched costs a twentieth of the other per tick in a busy market. The other shares nothing with it behind the
    # handshake's road, so it tells whether a fault is the transport's.
    transport: Transport = attrs.field(default="batched", validator=rules.one_of(Transport))
    # Shorter gains nothing beside the handshake itself; longer is lost ticks at every short cut.
    backoff_first_s: float = attrs.field(default=0.5, validator=rules.seconds(_SHORTEST_S))
    # Longer would sleep on after the vendor is back; shorter keeps a limited token at its limit.
    backoff_max_s: float = attrs.field(
        default=60.0, validator=[rules.seconds(_SHORTEST_S), rules.at_least("backoff_first_s")]
    )
    # AllTick closes a link without heartbeats after 30 s, so this is the first moment that shows one to be
    # sound. Shorter takes accept-then-close for health and hammers; longer punishes an ordinary cut.
    healthy_s: float = attrs.field(default=30.0, validator=rules.seconds(_SHORTEST_S))
    pacing: PacingConfig = attrs.field(factory=PacingConfig, validator=rules.instance_of(PacingConfig))


@attrs.frozen(kw_only=True)
class FeedConfig(ConnectionConfig):
    """One ``[feeds.NAME]``.

    Attributes:
        kind: A feed of this package, or ``module:Feed``. "": the name of its table.
        symbols: As the vendor spells them.
        token: The vendor's token; a plain text is wrapped at once. None where the feed needs none.
        plan: The vendor's plan the token belongs to. None: the feed's own default.
        url: Overrides the documented host; with a path it is used as it is.
    """

    kind: str = attrs.field(default="", validator=rules.kind_of_feed())
    symbols: tuple[str, ...] = attrs.field(converter=rules.listed, validator=rules.different_texts())
    token: Secret | None = attrs.field(default=None, converter=concealed, validator=rules.optional(_TOKEN))
    plan: str | None = attrs.field(default=None, validator=rules.optional(rules.some_text()))
    url: str | None = attrs.field(default=None, validator=rules.optional(rules.url()))


AnyFeed: TypeAlias = FeedConfig | RedisFeed
"""A vendor's, or another engine's."""


def feed_of_table(name: str, table: Mapping[str, Any]) -> tuple[type[AnyFeed], Mapping[str, Any]]:
    """Return which record a ``[feeds.NAME]`` is, and the settings that are the record's."""
    if table.get("kind", name) != "redis":
        return FeedConfig, table
    return RedisFeed, {key: value for key, value in table.items() if key != "kind"}


def _named(name: str, feed: AnyFeed) -> AnyFeed:
    """Return a feed that goes by the name of its table."""
    if isinstance(feed, RedisFeed):
        return attrs.evolve(feed, name=name)
    return attrs.evolve(feed, kind=feed.kind or name)


@attrs.frozen(kw_only=True)
class SequencerConfig:
    """``[sequencer]``: which ticks are the same, and in which order they are delivered.

    Attributes:
        identity: When two ticks are one. ``auto``: what each feed promises.
        lateness_s: How long a tick is held so that earlier ones can overtake it.
        late: What becomes of a tick that comes after a later one was delivered.
        ahead_s: A stamp further than this beyond its receipt is refused.
        window_s: How much event time per symbol is remembered to recognise duplicates.
        window_ticks: How many ticks per symbol are remembered at most.
    """

    identity: IdentityChoice = attrs.field(default="auto", validator=rules.one_of(IdentityChoice))
    # Holding is delay for every tick; without it a tick out of order is delivered at once, and flagged.
    lateness_s: float = attrs.field(default=0.0, validator=rules.seconds(0.0))
    late: Late = attrs.field(default="flag", validator=rules.one_of(Late))
    # Clocks of vendor and host differ by seconds at worst. Shorter refuses real ticks on a host whose clock
    # is slow; longer lets one absurd stamp move the window, and with it every honest tick out of it.
    ahead_s: float = attrs.field(default=60.0, validator=rules.seconds(_SHORTEST_S))
    # Two lines differ by less than a second, and a reconnect repeats what is a few seconds old. Shorter takes
    # such a copy for expired; longer costs memory. What is held back has to be remembered, hence the bound.
    window_s: float = attrs.field(default=10.0, validator=[rules.seconds(_SHORTEST_S), rules.at_least("lateness_s")])
    # Four hundred ticks a second for the whole window. Fewer shorten the window in a burst; more are memory
    # for every symbol.
    window_ticks: int = attrs.field(default=4_096, validator=rules.count(1))


@attrs.frozen(kw_only=True)
class StrategyConfig:
    """One ``[strategies.NAME]``.

    Attributes:
        use: Where the async function is, ``module:function``.
        symbols: What it sees. None: everything.
        params: Its keyword arguments.
        overflow: What gives way when it falls behind: the ``capacity`` newest or oldest are kept, or the
            latest of each symbol, or the strategy fails.
        capacity: How many records wait for it at most.
        max_age_s: Older ticks are not shown to it. None: whatever their age.
        on_error: Whether its failure starts it again, within a limit, or stops the engine.
    """

    use: str = attrs.field(validator=rules.reference())
    symbols: tuple[str, ...] | None = attrs.field(
        default=None, converter=rules.listed_or_none, validator=rules.optional(rules.different_texts())
    )
    # Not in the repr: a parameter may be a secret that came from the environment.
    params: Mapping[str, Any] = attrs.field(factory=dict, validator=rules.arguments(), repr=False)
    overflow: Overflow = attrs.field(default="drop_oldest", validator=rules.one_of(Overflow))
    # Some seconds of a busy feed, a few megabytes. Smaller drops in bursts that the strategy would survive;
    # larger lets it trade on prices of long ago.
    capacity: int = attrs.field(default=10_000, validator=rules.count(1))
    max_age_s: float | None = attrs.field(default=None, validator=rules.optional(rules.seconds(_SHORTEST_S)))
    on_error: OnError = attrs.field(default="restart", validator=rules.one_of(OnError))


@attrs.frozen(kw_only=True)
class JournalConfig:
    """``[journal]``: where everything that is delivered is kept.

    Attributes:
        path: The file. ``<path>.lock`` and, while it is written, SQLite's ``-wal`` and ``-shm`` lie beside it.
        fsync: ``commit``: what is committed survives a power cut. ``checkpoint``: it survives the end of the process,
            and a power cut takes the last seconds.
        linger_s: How long the writer waits for more before it commits. So much is at risk with the process.
        max_size: Of the file, such as ``10 GiB``. What every sink has is deleted first when it is reached.
        min_free: The file does not grow while the disk has less free than this.
        when_full: What happens then: ``gap`` lets strategies go on and names what is left out, ``block`` holds up the
            connections, ``stop`` ends the engine.
        queue_ticks: How many ticks wait for the disk at most.
        checkpoint_s: How long it takes at most until all of the sequencer's memory was saved anew. A restart reads
            back as much of the journal.
    """

    path: str = attrs.field(default="ticks.journal", validator=rules.some_text())
    fsync: Fsync = attrs.field(default="commit", validator=rules.one_of(Fsync))
    # A commit of a few ticks takes 0.2 ms, so a hundred a second are 2 % of a core. Shorter costs more of that;
    # longer puts more ticks at risk, and delays every sink by as much.
    linger_s: float = attrs.field(default=0.01, validator=rules.seconds(0.0))
    # Months of a few busy symbols. A default without an end would fill somebody's disk.
    max_size: int = attrs.field(default=10 * 1024**3, converter=rules.bytes_in, validator=rules.size(1024**2))
    # Logs, the database and the system itself need room to work, most of all while something is wrong. Much more
    # would leave a small server without a journal long before its disk is full.
    min_free: int = attrs.field(default=64 * 1024**2, converter=rules.bytes_in, validator=rules.size(0))
    # Who trades must not be held up by a disk. A recorder that does nothing else may prefer to be.
    when_full: WhenFull = attrs.field(default="gap", validator=rules.one_of(WhenFull))
    # Ten seconds of 10,000 ticks/s, some 50 MB. A disk that is busy may hold a commit up for half a second; one that
    # needs longer than ten is not going to catch up.
    queue_ticks: int = attrs.field(default=100_000, validator=rules.count(1))
    # Saving is spread over all of it. Shorter writes more; longer makes the start after a crash slower.
    checkpoint_s: float = attrs.field(default=60.0, validator=rules.seconds(_SHORTEST_S))


@attrs.frozen(kw_only=True)
class StopConfig:
    """``[stop]``: how the engine ends.

    Attributes:
        grace_s: From the first signal until whatever is still held is given up, and counted.
    """

    # What `docker stop` waits before it kills. Shorter cuts off strategies that finish an order; longer is of
    # use only where the supervisor waits as long.
    grace_s: float = attrs.field(default=10.0, validator=rules.seconds(0.0))


@attrs.frozen(kw_only=True)
class EngineConfig:
    """Everything an engine is told.

    Attributes:
        feeds: By name; an empty ``kind`` becomes that name.
        sequencer: Which ticks are the same, and in which order they are delivered.
        strategies: By name.
        journal: Where everything is kept. None: nowhere.
        sinks: By name: where the journal's ticks are written besides.
        archive: Where days that are over are rolled to. None: nowhere.
        http: Where a program that runs this serves its dashboard. An engine in a program of one's own serves none.
        stop: How it ends.
        ingest_batches: How many batches wait for the sequencer at most, before the sockets have to.
    """

    feeds: Mapping[str, AnyFeed] = attrs.field(validator=rules.tables("feeds", AnyFeed, least=1))
    sequencer: SequencerConfig = attrs.field(factory=SequencerConfig, validator=rules.instance_of(SequencerConfig))
    strategies: Mapping[str, StrategyConfig] = attrs.field(
        factory=dict, validator=rules.tables("strategies", StrategyConfig)
    )
    journal: JournalConfig | None = attrs.field(
        default=None, validator=rules.optional(rules.instance_of(JournalConfig))
    )
    sinks: Mapping[str, SinkConfig] = attrs.field(factory=dict, validator=rules.tables("sinks", SinkConfig))
    archive: ArchiveConfig | None = attrs.field(
        default=None, validator=rules.optional(rules.instance_of(ArchiveConfig))
    )
    http: HttpConfig | None = attrs.field(default=None, validator=rules.optional(rules.instance_of(HttpConfig)))
    stop: StopConfig = attrs.field(factory=StopConfig, validator=rules.instance_of(StopConfig))
    # A batch holds at most 1,024 ticks, so at worst 65,536 are held here. Fewer stall the sockets in ordinary
    # bursts; more are at risk at once, and older when they come out.
    ingest_batches: int = attrs.field(default=64, validator=rules.count(1))

    def __attrs_post_init__(self) -> None:
        # Attrs' own way to finish a frozen record.
        named = {name: _named(name, feed) for name, feed in self.feeds.items()}
        object.__setattr__(self, "feeds", named)
