"""`garita face ...`: the face match, measured on labelled pictures and at this gate, and what is
kept for it."""

from __future__ import annotations

from gateway.cli.app import App
from gateway.cli.face import evaluate as facetrial
from gateway.cli.face import privacy
from gateway.cli.face import report as facereport

app = App()
app.command("evaluate")(facetrial.evaluate)
app.command("report")(facereport.report)
privacy.attach(app)
