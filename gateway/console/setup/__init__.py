"""First run: a box without a configuration becomes a gate with one door.

`found.py` lists ports and cameras, `listening.py` hears what a reader sends, `draft.py` makes the
text of garita.toml and checks it, `making.py` writes everything, `trial.py` runs the gateway until
the first badge opened the door.  None of it knows a web page.
"""
