"""The face process: cameras, detector, embedding, liveness."""
