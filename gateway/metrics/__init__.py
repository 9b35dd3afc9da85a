"""Figures for Prometheus: which there are (names), how they are counted (tally), how they become
text (text), what is asked for now and then alone (slow), and the small server that shows them
(server).

No figure names a person, a badge or a path: labels hold names of the configuration and codes.
"""
