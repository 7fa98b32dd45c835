"""Every error trio_ticks raises, in one tree.

::

    TrioTicksError
    ├ ConfigError                  you: names the key, the value and what is accepted
    ├ FeedError                    they: the vendor, or the road to it
    │  ├ ConnectError              no connection, or it was refused          transient: reconnect
    │  ├ SilentFeedError           open, but nothing comes                   transient: reconnect
    │  │  └ MuteFeedError          open and answering, but no price comes    transient: reconnect
    │  ├ RemoteProtocolError       what came cannot be what was agreed       transient: reconnect
    │  ├ AuthenticationError       the token is not accepted                 fatal: stop, loudly
    │  ├ CertificateError          the server is not who it claims to be     fatal
    │  └ SubscriptionError         no valid symbol is left                   fatal
    ├ JournalError                 the journal cannot be written or read
    │  ├ JournalLockedError        another engine writes it; it is named    fatal
    │  ├ JournalFullError          no room: nothing of it was written       transient: try again
    │  └ JournalDamagedError       it is not what was written               fatal for what it names
    ├ SinkError
    │  ├ SinkUnavailableError      resend later
    │  └ SinkRejectedError         dead-letter, go on
    ├ StrategyError                your strategy failed; it is named and its error is the cause
    └ EngineError                  what ``open_engine`` raises; its cause is the exception group

Gaps, duplicates and unreadable messages are data and counters, never exceptions.
A message never contains a token: whoever builds one scrubs it first.
"""


class TrioTicksError(Exception):
    """The root of everything raised on purpose by this package."""


class ConfigError(TrioTicksError):
    """A setting cannot be used. The message names the key, the value and what is accepted."""


class FeedError(TrioTicksError):
    """A vendor, or the road to it, failed.

    ``fatal`` tells the line what to do: reconnect, or give the feed up. ``cause`` is the one word by which the end of
    the connection is counted and a gap is named.
    """

    fatal = False
    cause = "error"


class ConnectError(FeedError):
    """A connection could not be opened, or the server refused it."""

    cause = "refused"


class SilentFeedError(FeedError):
    """A connection is open but nothing comes through it."""

    cause = "silent"


class MuteFeedError(SilentFeedError):
    """A connection brings answers and heartbeats, but no price any more."""

    cause = "mute"


class RemoteProtocolError(FeedError):
    """The peer broke the protocol that was agreed on."""


class AuthenticationError(FeedError):
    """The vendor does not accept the token. Retrying cannot help."""

    fatal = True
    cause = "refused"


class CertificateError(FeedError):
    """The server's certificate does not prove who it is. Retrying cannot help."""

    fatal = True
    cause = "refused"


class SubscriptionError(FeedError):
    """The vendor refuses the symbols, and none is left to ask for."""

    fatal = True
    cause = "refused"


class JournalError(TrioTicksError):
    """The journal cannot be written or read."""


class JournalLockedError(JournalError):
    """Another engine writes this journal. The message names its process, host and start."""


class JournalFullError(JournalError):
    """No room, by the quota, the floor of free space or the disk itself.

    Nothing of what was to be written was, everything else stays readable, and trying again may succeed.
    """


class JournalDamagedError(JournalError):
    """What the journal holds is not what was written: a changed byte, a cut file."""


class SinkError(TrioTicksError):
    """A sink did not take a batch."""


class SinkUnavailableError(SinkError):
    """A sink takes nothing at present; the same batch is sent again, after at least ``after_s`` seconds."""

    def __init__(self, words: str = "", *, after_s: float = 0.0) -> None:
        super().__init__(words)
        self.after_s = after_s


class SinkRejectedError(SinkError):
    """The sink will never take these bytes: dead-letter them and go on."""


class StrategyError(TrioTicksError):
    """A strategy failed. The message names it; the original error is the cause."""


class EngineError(TrioTicksError):
    """The engine stopped because something failed for good. The cause is the exception group."""


def one_line(text: str) -> str:
    """Return a text, be it a stranger's, as one line of printable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def in_one_line(error: BaseException) -> str:
    """Return a foreign error as one line: its type and its words."""
    return one_line(f"{type(error).__name__}: {error}")
