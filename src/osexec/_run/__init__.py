"""A life joined to a real child: pipes, pumps, containment (floor 3)."""
