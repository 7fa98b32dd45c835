"""The only module that knows influxdb-client: bytes in, an `Outcome` out; and points read back.

The client's own ``WriteApi`` is not used: it queues in a thread, retries and drops in there, and takes any 2xx for
success. Its `WriteService` sends the bytes it is given once and returns the status, which is all that is needed.

A writer blocks and belongs in a thread, one write at a time. Timeouts hold for single socket operations: an answer
that drips takes longer than ``read_s``, so who needs a bound on the whole sets one outside and leaves the thread
behind. What that write did is then unknown, and the same bytes are sent again.
"""

from __future__ import annotations

import gzip
import importlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from trio_ticks.config.secret import HIDDEN
from trio_ticks.config.sinks import InfluxDB
from trio_ticks.errors import ConfigError, SinkError, in_one_line
from trio_ticks.storage.outcomes import Outcome, Verdict, in_short, outcome_of_answer

if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Self

# The fastest level: on ticks it makes a fifth of them, and the best one a sixth in four times the time.
_GZIP_LEVEL = 1


class InfluxWriter:
    """One connection to one bucket.

    Args:
        settings: Where to and how.

    Raises:
        ConfigError: influxdb-client is not installed.
    """

    def __init__(self, settings: InfluxDB) -> None:
        client_module = _client_module()
        self._settings = settings
        token = settings.token.reveal() if settings.token is not None else None
        self._client = client_module.InfluxDBClient(
            url=settings.url, org=settings.org, token=token, ssl_ca_cert=settings.ca_file
        )
        self._service = client_module.WriteService(self._client.api_client)
        self._translated = _foreign_errors()
        self._timeout_ms = (settings.connect_s * 1000, settings.read_s * 1000)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def write(self, body: bytes) -> Outcome:
        """Send some lines once.

        Args:
            body: Lines of line protocol, with nanoseconds.

        Returns:
            What became of them, by the table of `trio_ticks.storage.outcomes`. Nothing is raised for anything that a
            server or a network does.
        """
        settings = self._settings
        packing = {"content_encoding": "gzip"} if settings.gzip else {}
        try:
            _, status, headers = self._service.post_write_with_http_info(
                org=settings.org,
                bucket=settings.bucket,
                body=gzip.compress(body, _GZIP_LEVEL, mtime=0) if settings.gzip else body,
                precision="ns",
                content_type="text/plain; charset=utf-8",
                _return_http_data_only=False,
                _request_timeout=self._timeout_ms,
                # A redirect would be followed with a GET, whose 200 is no receipt.
                urlopen_kw={"redirect": False},
                **packing,
            )
        except self._translated as error:
            return self._scrubbed(_outcome_of_error(error))
        return outcome_of_answer(status, headers=headers, body="")

    def query(self, influxql: str) -> Iterator[dict[str, Any]]:
        """Yield the rows that an InfluxQL query finds, with the time as ``time`` in nanoseconds, exact.

        Args:
            influxql: One ``SELECT``; 2.x has to map the bucket to a database of that name.

        Raises:
            SinkError: The server did not answer, or says that the query is wrong.
        """
        return self._ask("GET", influxql)

    def delete(self, measurement: str) -> None:
        """Delete all points of a measurement, which 1.x and 2.x can do by InfluxQL.

        Raises:
            SinkError: The server did not answer, or does not do it.
        """
        for _ in self._ask("POST", f'DELETE FROM "{measurement}"'):  # noqa: S608 - a name of our own
            pass  # there are no rows; an error would stand where they do

    def _ask(self, method: str, influxql: str) -> Iterator[dict[str, Any]]:
        database, _, policy = self._settings.bucket.partition("/")
        parameters = {"db": database, "q": influxql, "epoch": "ns", "chunked": "true"}
        if policy:
            parameters["rp"] = policy
        try:
            answer = self._client.api_client.call_api(
                "/query",
                method,
                query_params=list(parameters.items()),
                header_params={"Accept": "application/json"},
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._timeout_ms,
                urlopen_kw={"redirect": False},
            )
            for line in answer:
                yield from _rows(json.loads(line))
        except self._translated as error:
            raise SinkError(self._scrubbed(_outcome_of_error(error)).reason) from None

    def _scrubbed(self, outcome: Outcome) -> Outcome:
        """Return an outcome whose reason does not hold the token, whoever echoed it."""
        token = self._settings.token
        if token is None:
            return outcome
        return attrs.evolve(outcome, reason=outcome.reason.replace(token.reveal(), HIDDEN))


def _client_module() -> ModuleType:
    try:
        return importlib.import_module("influxdb_client")
    except ModuleNotFoundError as error:
        raise ConfigError(f"InfluxDB needs the package {error.name}: pip install 'trio-ticks[influxdb]'") from None


def _foreign_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises for whatever a server or a network does."""
    client = importlib.import_module("influxdb_client.rest")
    http = importlib.import_module("urllib3.exceptions")
    # ValueError: an answer in no Unicode encoding, or no JSON.
    return (client.ApiException, http.HTTPError, OSError, ValueError)


def _outcome_of_error(error: Exception) -> Outcome:
    """Return what an error of the client means. Errors are told apart by what they carry, not by their class."""
    status = getattr(error, "status", None)
    if status:
        body = error.body  # type: ignore[attr-defined]  # an ApiException, whose module is imported late
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body or ""
        return outcome_of_answer(status, headers=getattr(error, "headers", None) or {}, body=text)
    if status == 0:  # TLS, by the client's own convention
        return Outcome(Verdict.HOLD, in_short(f"TLS: {getattr(error, 'reason', '')}"))
    if isinstance(error, UnicodeDecodeError):
        return Outcome(Verdict.HOLD, "the answer is no text; is this InfluxDB?")
    return Outcome(Verdict.RETRY, in_short(_words_of(error)))


def _words_of(error: Exception) -> str:
    """Return what kept a request from being answered. What happens every day is said in plain words."""
    kind, cause = type(error).__name__, error.__cause__
    if kind == "ReadTimeoutError":
        return "no answer within read_s"
    if kind == "ConnectTimeoutError":
        return "no connection within connect_s"
    if kind in {"NewConnectionError", "NameResolutionError"} and isinstance(cause, OSError) and cause.strerror:
        return f"no connection: {cause.strerror}"
    return in_one_line(error)


def _rows(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one chunk of an InfluxQL answer.

    Raises:
        SinkError: The server says that the query failed.
    """
    for result in (answer, *answer.get("results", ())):
        if "error" in result:
            raise SinkError(in_short(str(result["error"])))
        for series in result.get("series", ()):
            for values in series["values"]:
                yield dict(zip(series["columns"], values, strict=True))
