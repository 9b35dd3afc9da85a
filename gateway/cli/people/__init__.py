"""`garita people`."""
