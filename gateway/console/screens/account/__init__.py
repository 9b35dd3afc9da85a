"""Signing in and out, and what an operator chooses for themselves."""
