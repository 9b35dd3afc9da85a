"""`garita selftest`: a look at the box, and the crash lab.

disk.py        a disk of which it is known what is safe on it, and what a power cut leaves
sqlitevfs.py   SQLite's files on that disk
filecalls.py   all other files on that disk
writer.py      the work of a trial: the gateway's log, list and small files without its doors
nursery.py     the process that forks a program for each trial
judge.py       what was promised before a crash, held against what is there after it
"""
