"""Which scenarios are not run, and why. They count neither as passed nor as failed."""

# The misuse (or the text) can not be written with osexec at all. Nothing else may be here.
IMPOSSIBLE = {
    "a15_string_resolved": "str(cmd) quotes for a shell, where Go's String only joins",
    "a16_string_unresolved": "str(cmd) quotes for a shell, where Go's String only joins",
    "f01_double_start": "a Cmd is a frozen value: every start() is a command of its own",
    "f02_wait_unstarted": "only a started command has a wait(): it is the Process",
    "f03_wait_twice": "a second wait() gives the same answer, by design",
    "f04_start_after_failure": "a Cmd is a frozen value: every start() is tried afresh",
    "f05_pipe_after_start": "pipes are fields of the frozen Cmd and can not be asked for later",
}

# Run wherever there is a minder, the program that contains a tree and places descriptors.
MINDED = {
    "d13_extra_files": "extra_files needs the minder",
    "d14_extra_nil": "extra_files needs the minder",
    "e25_setsid_escapee": "a process in a session of its own can only be ended by the minder",
}
