"""Values and errors. They know nothing of kernels, clocks or threads (floor 0)."""
