"""What an auditor asks of the log: records by filters, figures that name their records, an export
with its proof, and whether the log and people.db agree.  Reads and writes nothing else."""
