"""What `--help` prints, made from the table of options."""

from __future__ import annotations

from .options import COMMANDS

USAGE = {
    "run": "osexec run [OPTION]... [--] COMMAND [WORD]...",
    "which": "osexec which [--] NAME...",
    "doctor": "osexec doctor [--json]",
}
PURPOSE = {
    "run": "Run a command, end it when its time is up, and exit as it did.",
    "which": "Print the path of the program that each name would run.",
    "doctor": "Try what this machine offers to osexec, and print it.",
}
STATUS = """
durations: 0.5, 30s, 5m, 2h, 1d

exit status:
  124    the command was ended because its time was up
  125    osexec itself failed: a wrong option, or --leaks error found some
  126    the command was found, but it cannot be executed
  127    the command was not found
  128+N  the command died of signal N, or signal N told osexec to stop
  else   the command's own status"""


def help_text(command: str = "") -> str:
    """The help of osexec, or of one of its commands."""
    if not command:
        lines = ["usage:", *(f"  {usage}" for usage in USAGE.values())]
        lines += ["  osexec --version", "  osexec [COMMAND] --help"]
        for name in COMMANDS:
            lines += ["", f"{name}: {PURPOSE[name]}", *_options(name)]
        return "\n".join([*lines, STATUS])
    lines = [f"usage: {USAGE[command]}", "", PURPOSE[command]]
    options = _options(command)
    if options:
        lines += ["", "options:", *options]
    return "\n".join([*lines, STATUS] if command == "run" else lines)


def _options(command: str) -> list[str]:
    return [
        f"  {f'{option.name} {option.value}':<16}  {option.help}" for option in COMMANDS[command]
    ]
