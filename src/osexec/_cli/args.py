"""The words after `osexec`: what is asked for, checked before anything starts.

Options end at `--` or at the first word that is not one, as for timeout(1) and
env(1): what follows is the command, and options among it are the command's.
argparse would find that end by rules that differ between versions of Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .options import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .options import Option

EXAMPLES = {
    "run": "a command, as in 'osexec run --timeout 5m -- make test'",
    "which": "a name, as in 'osexec which git'",
}


class BadUsage(Exception):
    """The command line is wrong; the message says what to write instead."""


class Asked(NamedTuple):
    """A command line, understood: what to do, the options by name, the words after them."""

    command: str
    options: dict[str, object]
    words: tuple[str, ...]


def parse(argv: Sequence[str]) -> Asked:
    """Understand a command line; "help" and "version" count as commands here.

    Raises:
        BadUsage: It is wrong. Nothing was started.
    """
    if not argv:
        raise BadUsage("say what to do: run, which or doctor; see 'osexec --help'")
    command = argv[0]
    if command in ("--help", "-h", "--version"):
        return Asked("version" if command == "--version" else "help", {}, ())
    if command.startswith("-"):
        raise BadUsage(f"unknown option {_bare(command)}; see 'osexec --help'")
    if command not in COMMANDS:
        hint = _nearest(command, COMMANDS) or "write run, which or doctor"
        raise BadUsage(f"'{command}' is not a command of osexec: {hint}; see 'osexec --help'")
    options, words = _split(command, argv[1:])
    if "--help" in options:
        return Asked("help", {}, (command,))
    if command in EXAMPLES and not words:
        raise BadUsage(f"{command}: what is missing is {EXAMPLES[command]}")
    if command not in EXAMPLES and words:
        raise BadUsage(f"{command} takes options only, not '{words[0]}'; see 'osexec --help'")
    return Asked(command, options, tuple(words))


def _split(command: str, argv: Sequence[str]) -> tuple[dict[str, object], Sequence[str]]:
    """The options in front, by name, and the words after them."""
    table = {option.name: option for option in COMMANDS[command]}
    options = {option.name: option.default for option in COMMANDS[command]}
    at = 0
    while at < len(argv):
        word = argv[at]
        if not word.startswith("-") or word == "-":
            break
        at += 1
        if word == "--":
            break
        if word in ("--help", "-h"):
            return {"--help": True}, ()
        option = table.get(_bare(word))
        if option is None:
            raise BadUsage(_unknown(command, _bare(word)))
        if option.read is None:
            if "=" in word:
                raise BadUsage(f"{option.name} takes no value: write it without '='")
            options[option.name] = True
            continue
        if "=" not in word and at == len(argv):
            raise BadUsage(f"{option.name} needs a value: {option.value}, {option.help}")
        value = word.partition("=")[2] if "=" in word else argv[at]
        at += "=" not in word
        _store(options, option, value)
    return options, argv[at:]


def _store(options: dict[str, object], option: Option, text: str) -> None:
    assert option.read is not None
    try:
        value = option.read(text)
    except ValueError as error:
        raise BadUsage(f"{option.name}: {error}") from None
    if option.many:
        before = options[option.name]
        assert isinstance(before, tuple)
        value = (*before, value)
    options[option.name] = value


def _unknown(command: str, name: str) -> str:
    hint = _nearest(name, [option.name for option in COMMANDS[command]])
    if not hint and command != "doctor":
        hint = "a name that starts with a dash goes after '--'"
    about = f": {hint}" if hint else ""
    return f"unknown option {name}{about}; see 'osexec {command} --help'"


def _bare(word: str) -> str:
    """An option without its value, which may be a secret."""
    return word.partition("=")[0]


def _nearest(word: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # not at import: only a mistake needs it

    near = get_close_matches(word, list(names), n=1)
    return f"did you mean {near[0]}?" if near else ""
