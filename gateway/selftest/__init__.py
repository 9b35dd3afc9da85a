"""`garita selftest`: a look at the box, and the crash lab.

storage.py, box.py   what is looked at; finding.py is what they give

soak.py        the lab: which crashes, how long, and the result (tally.py)
crashes.py     trials of the log's writer (writer.py)
gate.py        trials of the whole gateway at simulated devices (flapping.py is its broker)
trialgate.py   the gate that is crashed
judge.py       what was promised before a crash, held against what is there after it
nursery.py     starts a program for each trial, and kills it; forks.py is the process that forks
disk.py        a disk of which it is known what is safe on it, and what a power cut leaves
sqlitevfs.py   SQLite's files on that disk; filecalls.py all others
clockjumps.py  a clock that jumps, for one process
"""
