"""The packet and the standard reports as PDF.

From top to bottom: `write` makes the files; `first`, `criteria` and `appendix` say what stands on
the pages, as blocks (`blocks`); `render` hands the blocks to a process of its own (`child`), in
which typst sets them by `packet.typ`; `annex` does the same for long tables with fpdf2; `sign`
signs what was made.

Words reach typst as data and never as its markup, so a name is shown as it is, whatever it holds.
"""
