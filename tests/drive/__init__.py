"""Who waits: the calling thread and the background thread, alike in everything people see."""
