"""Verifiable logs in the formats of C2SP and RFC 6962: trees, notes, checkpoints, proofs.

Nothing here does I/O or reads a clock, and nothing here knows what a door is.  The ledger grows a
tree, the daemon signs its checkpoints, the collector and the witness check them; all of them use
these modules.

merkle.py      the tree of RFC 6962, section 2.1: hashes, proofs of inclusion and of consistency
tiles.py       the tree's hashes in pieces of 256, as c2sp.org/tlog-tiles stores them
note.py        signed notes, c2sp.org/signed-note: keys, signing, opening
checkpoint.py  the signed head of a log, c2sp.org/tlog-checkpoint, and cosignatures of it
entry.py       the proof of one entry, c2sp.org/tlog-proof
policy.py      who must have signed, c2sp.org/tlog-policy
"""
