"""The group `garita people`: which function is which command."""

from __future__ import annotations

from gateway.cli.face import enroll
from gateway.cli.people import list as people
from gateway.cli.people import map as map_
from gateway.cli.people import pin, pull, revocations, sync

app = people.app
app.command("sync")(sync.sync_)
app.command("map")(map_.map_)
app.command("rollback")(sync.rollback)
app.command("versions")(sync.versions)
app.command("history")(sync.history_)
app.command("pull")(pull.pull)
app.command("sources")(pull.sources)
app.command("confirm")(pull.confirm)
app.command("revocations")(revocations.revocations)
app.command("enroll")(enroll.enroll)
app.command("pin")(pin.pin)
