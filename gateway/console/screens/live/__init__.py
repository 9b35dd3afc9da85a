"""What happens at the doors now, and the stream that keeps every page fresh."""
