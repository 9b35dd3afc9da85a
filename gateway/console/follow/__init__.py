"""How the console stays fresh: the log is followed, and each browser's listener is told."""
