"""Every command says what it is for, shows how to type it, and shows nothing that is not accepted."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from rich.markup import render

from tests.support.commands_page import PAGE, commands, examples, page
from tests.support.program import run_program
from trio_ticks.app.cli import app, main

ALL = dict(commands(typer.main.get_command(app)))


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


@pytest.mark.parametrize("name", ALL)
def test_no_word_of_help_is_taken_for_markup(name: str) -> None:
    """A ``[journal]`` in it would vanish from the screen without a trace."""
    command = ALL[name]
    for text in (command.help, *(parameter.help for parameter in command.params)):
        assert render(text).plain == text


def test_the_page_of_commands_is_what_the_program_says() -> None:
    """``python -m tests.support.commands_page`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("columns", ["40", "80"])
async def test_help_in_a_pipe_is_plain_and_names_every_option_whole(columns: str, tmp_path: Path) -> None:
    """However narrow: a name that is cut short cannot be typed."""
    env = {"COLUMNS": columns, "TERM": "xterm-256color"}
    code, stdout, _ = await run_program("run", "--help", cwd=tmp_path, env=env)
    assert code == 0
    assert not set("╭│\x1b") & set(stdout)
    assert max(map(len, stdout.splitlines())) <= int(columns)
    assert {
        option for parameter in ALL["trio-ticks run"].params for option in parameter.opts if "--" in option
    } <= set(stdout.replace(",", " ").split())
    assert "trio-ticks run ticks.toml" in stdout
    assert "[bold]" not in stdout


@pytest.mark.parametrize("name", ["trio-ticks gaps", "trio-ticks journal info", "trio-ticks journal verify",
                                  "trio-ticks journal dead-letters", "trio-ticks top", "trio-ticks bench",
                                  "trio-ticks replay", "trio-ticks backtest", "trio-ticks doctor"])  # fmt: skip
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
