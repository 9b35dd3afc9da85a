"""The first-run wizard: `gateway/setup` in a browser of the box itself."""
