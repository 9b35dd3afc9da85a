"""How well faces are told apart, measured offline on a site's own pictures."""
