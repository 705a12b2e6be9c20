"""The minder, a program in C, tested by what it says and does, without the Python that uses it."""
