"""The tests of osexec; `python -m tests.conformance` needs them to be a package."""
