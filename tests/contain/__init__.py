"""What is contained ends: every adversary, every way to end, and what a set-up can do."""
