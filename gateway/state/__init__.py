"""What is so now and survives a restart: presence, threat level, clock, health."""
