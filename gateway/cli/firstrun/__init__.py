"""`garita setup`: a box becomes a gate, by questions at a terminal or by a file of answers.

`command.py` is the command, `run.py` one run of it, `questions.py` what it asks, `ask.py` how it
asks, `firstbadge.py` the last step.  What is done is in gateway/setup.
"""
