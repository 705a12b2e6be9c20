"""The life of one command as pure decisions: no descriptor, no clock, no thread (floor 1)."""
