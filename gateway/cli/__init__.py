"""The `garita` command."""
