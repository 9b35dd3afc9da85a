"""The records of the log for whoever audits the gate: to look at, to count, to take along."""
