"""Every command says what it is for, shows how to type it, and shows nothing that is not accepted."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from trio_ticks.app.cli import app, main


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


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the program here; returns what it prints."""

    def run(*words: str, **environ: str) -> str:
        monkeypatch.setattr(sys, "argv", ["trio-ticks", *words])
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in {0, None}
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("words", "answers"),
    [("trio-ticks re", {"replay", "reload"}), ("trio-ticks run --no-", {"--no-journal"}), ("trio-ticks to", {"top"})],
)
def test_a_shell_completes_commands_and_options(words: str, answers: set[str], type_in: Callable[..., str]) -> None:
    """What the script for a shell asks for when the tabulator is pressed is answered."""
    place = str(len(words.split()) - 1)
    told = type_in(_TRIO_TICKS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)
    assert answers <= set(told.split())
    assert all(answer.startswith(words.rsplit(maxsplit=1)[-1]) for answer in told.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_shown(shell: str, type_in: Callable[..., str]) -> None:
    """``trio-ticks --show-completion`` prints what the shell's start-up file takes."""
    # Typer looks at its parent process for the shell, which here is no shell.
    script = type_in("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert f"complete_{shell}" in script
    assert "trio-ticks" in script
