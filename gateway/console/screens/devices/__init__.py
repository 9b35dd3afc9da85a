"""The devices: health of the box, doors and locks, readers, cameras, inputs, the threat level."""
