"""Enrolling a face at the gate's camera."""
