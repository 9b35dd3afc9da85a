"""The gateway process: wiring, supervision, jobs, status, control socket, remote commands."""
