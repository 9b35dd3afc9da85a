"""A door at work: its readers, the attempts at them, its state machine and its lock."""
