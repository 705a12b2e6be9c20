"""Who waits: the calling thread or the background reactor; they decide nothing (floor 4)."""
