"""A gate in one file, made while it runs, and a gate made of such a file again.

contents.py  which files a backup holds, in which order, and how they are packed
sealing.py   encryption in age's own format
make.py      `garita backup`
restore.py   `garita restore`: the log goes on under a new name
"""
