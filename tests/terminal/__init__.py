"""At a terminal: what a user's keys do to a command is the same, contained or not."""
