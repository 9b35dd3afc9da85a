"""Setting up a gate: a box without a configuration becomes a gate with one door.

`garita setup` asks at a terminal and the console's wizard in a browser; both work with this
folder, and it knows neither.  `found.py` lists ports and cameras, `listening.py` hears what a
reader sends, `draft.py` makes the text of garita.toml and checks it, `making.py` writes everything,
`trial.py` runs the gateway until the first badge opened the door.  `certs.py` keeps certificates of
the site's broker, and `broker.py` makes a mosquitto's configuration.
"""
