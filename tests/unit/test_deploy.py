"""What lies under deploy/ fits together: no container runs here, but every file that one would need is looked at."""

from __future__ import annotations

import fnmatch
import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from trio_ticks import EngineConfig, InfluxDB
from trio_ticks.app.cli import app
from trio_ticks.config import HttpConfig, Redis, RedisFeed, parse_config
from trio_ticks.sim import sample_tapes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROVISIONING = DEPLOY / "grafana" / "provisioning"
ENVIRONMENT = {"INFLUX_TOKEN": "ticks:secret", "HTTP_PASSWORD": "open sesame"}


def loaded(name: str) -> EngineConfig:
    """Return one of the demo's configurations."""
    return parse_config((DEPLOY / "demo" / name).read_text(), source=name, environ=ENVIRONMENT)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_needs_nothing_that_is_not_there(service: str) -> None:
    """Services, volumes and files that it names exist."""
    found = SERVICES[service]
    assert set(found.get("depends_on", ())) <= set(SERVICES)
    for volume in found.get("volumes", ()):
        source = volume.split(":")[0]
        assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for name, condition in found["depends_on"].items() if isinstance(found.get("depends_on"), dict) else ():
        assert condition["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_only_this_machine_reaches_it_and_images_have_a_version() -> None:
    """The passwords are the demo's; and what it runs tomorrow is what it runs today."""
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert service["image"] == "trio-ticks" or re.search(r":\d", service["image"])


def test_the_image_is_built_of_files_that_are_there_and_sent() -> None:
    """Each COPY from the repository exists, and `.dockerignore` lets it through."""
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    (build,) = [service["build"] for service in SERVICES.values() if "build" in service]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    lines = (ROOT / build["dockerfile"]).read_text().splitlines()
    copies = [shlex.split(line)[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    for path in itertools.chain.from_iterable(copies):
        assert (ROOT / path).exists()
        assert any(fnmatch.fnmatch(path.removeprefix("./"), pattern) for pattern in sent)


def test_the_image_has_what_the_configurations_need() -> None:
    """The extras of the sinks, and a command that exists."""
    text = (DEPLOY / "Dockerfile").read_text()
    extras = re.search(r"'\.\[([\w,]+)\]'", text)
    assert extras is not None
    assert {"influxdb", "redis"} <= set(extras[1].split(","))
    commands = vars(typer.main.get_command(app))["commands"]
    (default,) = re.findall(r"^CMD (.*)$", text, re.MULTILINE)
    assert json.loads(default)[0] in commands
    options = {option for param in commands[SERVICES["vendor"]["command"][0]].params for option in param.opts}
    assert {word for word in SERVICES["vendor"]["command"] if word.startswith("--")} <= options


def test_the_engines_fit_together() -> None:
    """Vendor to engine to Redis to store to InfluxDB: each sends what the next one takes."""
    engine, store = loaded("engine.toml"), loaded("store.toml")
    feed, sink, source = engine.feeds["alltick"], engine.sinks["redis"], store.feeds["redis"]
    assert isinstance(sink, Redis)
    assert isinstance(source, RedisFeed)
    assert sink.stream == source.stream
    assert source.reader in sink.readers
    assert set(feed.symbols or ()) == {tape.symbol for tape in sample_tapes()}
    assert f":{SERVICES['vendor']['command'][2]}" in str(feed.url)
    assert SERVICES["engine"]["network_mode"] == "service:vendor"
    database = store.sinks["influxdb"]
    assert isinstance(database, InfluxDB)
    assert database.bucket.split("/")[0] == SERVICES["influxdb"]["environment"]["INFLUXDB_DB"]


def test_the_engines_dashboard_is_reached_from_this_machine_and_asks_for_a_password() -> None:
    """Its port is published by the service whose network it has, and the password comes from the environment."""
    http = loaded("engine.toml").http
    assert http is not None
    assert not http.is_private
    assert http.password is not None
    assert http.password.reveal() == ENVIRONMENT["HTTP_PASSWORD"]
    network = SERVICES["engine"]["network_mode"].removeprefix("service:")
    assert SERVICES[network]["ports"] == [f"127.0.0.1:{http.port}:{http.port}"]
    default = SERVICES["engine"]["environment"]["HTTP_PASSWORD"].removeprefix("${HTTP_PASSWORD:-").removesuffix("}")
    assert HttpConfig(bind=http.bind, password=default).password is not None  # one that is accepted


@pytest.mark.parametrize(("service", "name"), [("engine", "engine.toml"), ("store", "store.toml")])
def test_a_configuration_finds_what_it_asks_of_the_environment(service: str, name: str) -> None:
    """Every variable that it names is given to its container."""
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "demo" / name).read_text()))
    assert named
    assert named <= set(SERVICES[service]["environment"])


def test_grafana_finds_the_database_and_the_dashboard() -> None:
    """The dashboard asks the source that is provisioned, and lies where Grafana looks."""
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "influxdb.yml").read_text())["datasources"]
    environment = SERVICES["influxdb"]["environment"]
    assert source["jsonData"]["dbName"] == environment["INFLUXDB_DB"]
    assert source["user"] == environment["INFLUXDB_ADMIN_USER"]
    assert source["url"] == loaded("store.toml").sinks["influxdb"].url  # type: ignore[union-attr]  # it is InfluxDB's
    assert source["secureJsonData"]["password"].removeprefix("$") in SERVICES["grafana"]["environment"]
    board = json.loads((DEPLOY / "grafana" / "dashboards" / "trio_ticks.json").read_text())
    for panel in board["panels"]:
        assert panel["datasource"]["uid"] == source["uid"]
        assert all(target["datasource"]["uid"] == source["uid"] for target in panel["targets"])
    assert {note["datasource"]["uid"] for note in board["annotations"]["list"]} == {source["uid"]}
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "trio_ticks.yml").read_text())["providers"]
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in SERVICES["grafana"]["volumes"]}
    assert (DEPLOY / mounted[provider["options"]["path"]] / "trio_ticks.json").exists()
