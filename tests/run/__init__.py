"""A life joined to a real child: its streams, its time, its memory."""
