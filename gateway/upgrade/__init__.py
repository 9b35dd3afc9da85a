"""Before, during and after an upgrade: what the new program would decide (`rehearse`), whether it
can take over (`check`), when the gate restarts (`restart`), and the way back (`undo`)."""
