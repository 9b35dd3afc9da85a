"""Pictures for other screens: somebody's portrait, and what a camera sees now."""
