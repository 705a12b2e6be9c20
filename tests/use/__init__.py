"""What people call: the verbs, the process object, contexts, cancellation, results."""
