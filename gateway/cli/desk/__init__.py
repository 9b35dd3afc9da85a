"""`garita visit`, `freight`, `seal`, `partner`."""
