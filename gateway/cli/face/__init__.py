"""`garita face` and enrolment."""
