"""`python -m osexec` and the `osexec` command. What it does is in `_cli`."""

import sys


def main() -> int:
    """Run the command line and return its exit status."""
    from osexec._cli.main import (
        main as run,
    )  # not at import: `import osexec.__main__` starts nothing

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
