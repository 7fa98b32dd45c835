"""What deploy/compose.yml starts, as plain processes: the same commands and configurations at other addresses."""

from __future__ import annotations

import base64
import re
import signal
from collections.abc import Mapping
from pathlib import Path

import trio
import yaml

from tests.support.http import get
from tests.support.influx_proxy import Proxy
from tests.support.influxd import ADMIN, PASSWORD, Influxd
from tests.support.program import PATIENCE_S, Program, open_program
from tests.support.redis_server import RedisProcess
from trio_ticks import InfluxDB, Tick, read
from trio_ticks.storage.influxdb import InfluxWriter
from trio_ticks.storage.tick_line import tick_of_row

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.yml").read_text())["services"]
ENOUGH = 100


def stored(settings: InfluxDB) -> list[Tick]:
    """Return what the database has."""
    with InfluxWriter(settings) as writer:
        return [tick_of_row(row) for row in writer.query("SELECT * FROM tick")]


async def test_ticks_come_from_the_vendor_through_redis_into_the_database(tmp_path: Path) -> None:
    """And what the database has is what the first engine kept, tick for tick, as far as it got."""
    (tmp_path / "redis").mkdir()
    (tmp_path / "influxd").mkdir()
    redis, influxd = RedisProcess(tmp_path / "redis"), Influxd(tmp_path / "influxd")
    redis.start()
    try:
        influxd.start()
        influxd.command(f"CREATE USER {ADMIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES", first=True)
        influxd.command(f"CREATE DATABASE {SERVICES['influxdb']['environment']['INFLUXDB_DB']}")
        with Proxy(influxd.port) as proxy:
            await run_all(tmp_path, redis.url.removesuffix("/0"), proxy.url)
    finally:
        influxd.stop()
        redis.stop()


async def run_all(place: Path, redis_url: str, influx_url: str) -> None:
    """Run vendor, engine and store until enough is stored; then stop them softly, and compare."""
    token = f"{ADMIN}:{PASSWORD}"
    command = ["0" if word == "8765" else word for word in SERVICES["vendor"]["command"]]
    settings = InfluxDB(url=influx_url, org="any", bucket="ticks", token=token)
    async with open_program(*command, cwd=place) as vendor:
        await vendor.wait_for("Ctrl-C")
        (port,) = set(re.findall(r"ws://127\.0\.0\.1:(\d+) ", vendor.stdout))
        real = {"redis://redis:6379": redis_url, "http://influxdb:8086": influx_url, "0.0.0.0:8750": "127.0.0.1:0"}
        configure(place, {"8765": port, **real})
        async with (
            open_program("run", "engine.toml", cwd=place, env={"HTTP_PASSWORD": PASSWORD}) as engine,
            open_program("run", "store.toml", cwd=place, env={"INFLUX_TOKEN": token}) as store,
        ):
            with trio.fail_after(2 * PATIENCE_S):
                await wait_stored(settings)
                await check_dashboard(engine)
            for program in (engine, store):
                program.send(signal.SIGTERM)
                assert await program.wait() == 0
        vendor.send(signal.SIGTERM)
    found = await trio.to_thread.run_sync(stored, settings)
    sent = [tick for tick in read(place / "engine.journal") if isinstance(tick, Tick)]
    await trio.to_thread.run_sync(check_events, settings, place)
    assert len(found) == len(set(found)) >= ENOUGH
    assert set(found) <= set(sent)


def check_events(settings: InfluxDB, place: Path) -> None:
    """See that what happened to the connections came the same way, out of both journals."""
    found = {repr(item) for item in read(settings, kind="statuses")}
    known = {repr(item) for name in ("engine", "store") for item in read(place / f"{name}.journal", kind="statuses")}
    assert found
    assert found <= known


async def check_dashboard(engine: Program) -> None:
    """See that the engine shows itself to whoever knows the password, and to nobody else."""
    await engine.wait_for("dashboard: ", "stderr")
    (url,) = re.findall(r"dashboard: (http://\S+/)", engine.stderr)
    known = base64.b64encode(f"anyone:{PASSWORD}".encode()).decode()
    assert (await get(f"{url}status"))[0] == 401
    assert (await get(f"{url}status", f"Authorization: Basic {known}"))[0] == 200


async def wait_stored(settings: InfluxDB) -> None:
    """Wait until there is enough in the database."""
    while True:
        if len(await trio.to_thread.run_sync(stored, settings)) >= ENOUGH:
            return
        await trio.sleep(0.2)


def configure(place: Path, addresses: Mapping[str, str]) -> None:
    """Write the demo's configurations as they stand, with these addresses in place of the containers'."""
    for name in ("engine.toml", "store.toml"):
        text = (DEPLOY / "demo" / name).read_text()
        for shown, real in {**addresses, "/var/lib/ticks": str(place)}.items():
            text = text.replace(shown, real)
        (place / name).write_text(text)
