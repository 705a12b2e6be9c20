"""What tests share: limits, waiting, roles of children, and the search for what was left behind."""
