"""The command line, run as users run it: a process of its own, judged from outside."""
