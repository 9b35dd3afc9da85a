"""Why a door let somebody pass or not, and what would let them in."""
