"""The face match: the daemon's side here, the worker process in `vision`, trials in `accuracy`."""
