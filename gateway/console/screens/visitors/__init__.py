"""Visitors at the gate: who is expected, who is here, and a visit from arrival to departure."""
