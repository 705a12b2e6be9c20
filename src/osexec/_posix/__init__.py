"""One kernel facility per file, with its man page and its traps; no policy (floor 2)."""
