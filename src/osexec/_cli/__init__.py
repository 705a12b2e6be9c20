"""The command line (floor 7). It uses only what people import from `osexec`."""
