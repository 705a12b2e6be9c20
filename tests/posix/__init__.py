"""One kernel facility at a time, with real children."""
