"""Every command says what it is for, shows how to type it, and shows nothing that is not accepted."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from trio_ticks.app.cli import app

ROOT = Path(__file__).parents[2]


def commands(command: Any, name: str = "trio-ticks") -> Iterator[tuple[str, Any]]:
    """Yield all that can be typed, and what it does."""
    inner = getattr(command, "commands", {})
    for word, one in inner.items():
        yield from commands(one, f"{name} {word}")
    if not inner:
        yield name, command


ALL = dict(commands(typer.main.get_command(app)))


def examples(command: Any) -> list[str]:
    """Return what its help shows to be typed."""
    return re.findall(r"\[bold\](.+?)\[/bold\]", command.epilog or "")


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """What to type is shown, not only described; and each option says what it is for."""
    command = ALL[name]
    assert command.help
    assert examples(command)
    assert all(example.startswith(name) for example in examples(command))
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name}"


@pytest.mark.parametrize("name", ALL)
def test_what_the_examples_show_is_accepted(name: str) -> None:
    """Its words are options and arguments that the command has."""
    command = ALL[name]
    for example in examples(command):
        words = shlex.split(example)[len(name.split()) :]
        assert command.make_context(name, words) is not None


@pytest.mark.parametrize("name", ["trio-ticks gaps", "trio-ticks journal info", "trio-ticks journal verify",
                                  "trio-ticks journal dead-letters", "trio-ticks top", "trio-ticks bench",
                                  "trio-ticks replay", "trio-ticks backtest"])  # fmt: skip
def test_a_command_that_tells_something_tells_it_to_programs_too(name: str) -> None:
    """``--json`` is the same word everywhere."""
    assert "--json" in [option for parameter in ALL[name].params for option in parameter.opts]


def complete(words: str, shell: str = "bash", **environ: str) -> str:
    """Return what a shell is told when the tabulator is pressed behind these words."""
    asked = {
        "_TRIO_TICKS_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    command = [sys.executable, "-m", "trio_ticks"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **asked, **environ}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout


def test_a_shell_completes_commands_and_options() -> None:
    """What typer's script for the shell asks for is answered."""
    assert complete("trio-ticks re").split() == ["replay", "reload"]
    assert "--no-journal" in complete("trio-ticks run --no-").split()


def test_the_script_for_a_shell_is_shown() -> None:
    """``trio-ticks --show-completion`` prints what the shell's start-up file takes."""
    command = [sys.executable, "-m", "trio_ticks", "--show-completion", "bash"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "complete_bash" in done.stdout
    assert "trio-ticks" in done.stdout
