"""The handover of a shift: what the gate is like, signed by who leaves and by who takes over.

`page` gathers the state, `acts` records the two signatures, `verify` checks a handover that is on
record.
"""
