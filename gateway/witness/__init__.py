"""A witness of logs: c2sp.org/tlog-witness 1.0.0.  A process of its own, not of a gate.

It keeps the newest head of each log that it knows, and cosigns a newer one only if that holds all
of the older one.  So nobody, not even whoever has the key of a log, can cut it or write it anew
without the witness's knowing.

config.py    its file, witness.toml
judge.py     what is cosigned and what is refused; no I/O
store.py     the heads, in SQLite: from the check to the stored head in one step
service.py   one request: judge, store, cosign
http.py      the same over HTTP
"""
