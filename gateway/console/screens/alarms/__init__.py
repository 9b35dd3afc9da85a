"""Alarms: what calls somebody, what to do, what was done, and how many there were."""
