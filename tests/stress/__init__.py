"""Long runs with a time box and a printed seed; nothing may be left of them."""
