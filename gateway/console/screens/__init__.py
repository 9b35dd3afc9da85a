"""The screens: one folder each, with its addresses in pages.py."""
