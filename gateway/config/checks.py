"""Mistakes across several keys: names that do not exist, devices that are used twice.

Pure; warnings.py has what is valid and unwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from os.path import normpath

from pydantic import ValidationError

from drivers import registry
from gateway.config import afar, alarms, operators
from gateway.config.mistakes import Loc, reason
from gateway.config.tables import ALWAYS, InputRef, PortTable, Tables, with_port
from gateway.locale import _

MAX_ON_BUS = 32
OUR_EMBEDDER = "dlib"
THRESHOLDS = ("threshold", "lent_threshold")
MAX_THRESHOLD = 0.5  # above it dlib's model lets strangers pass


def mistakes_across(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Mistakes across several keys, each with its place: a name that does not exist, a device that
    two tables use."""
    yield from _driver_mistakes(tables)
    yield from _port_mistakes(tables)
    yield from _door_mistakes(tables)
    yield from _face_mistakes(tables)
    yield from _interlock_mistakes(tables)
    for name, level in tables.access_levels.items():
        for door_name, schedule in level.doors.items():
            loc = ("access_levels", name, "doors", door_name)
            if door_name not in tables.doors:
                yield loc, _("there is no [doors.{door_name}]").format(door_name=door_name)
            if schedule != ALWAYS and schedule not in tables.schedules:
                yield (
                    loc,
                    _("there is no [schedules.{schedule}] (built in: {always})").format(
                        schedule=schedule, always=ALWAYS
                    ),
                )
    yield from _policy_mistakes(tables)
    yield from operators.mistakes(tables.operators)
    yield from _console_mistakes(tables)
    yield from alarms.mistakes(
        tables.alarms,
        bus_readers=[name for name, reader in tables.readers.items() if reader.bus],
        door_readers={
            reader: name
            for name, door in tables.doors.items()
            for reader in (door.reader, door.reader_out)
            if reader is not None
        },
        boards=[name for name, lock in tables.locks.items() if lock.reader is None],
        driven={(door.lock, door.channel): name for name, door in tables.doors.items()},
    )
    for key in ("access_levels", "escorted_access_levels"):
        for name in getattr(tables.visits, key):
            if name not in tables.access_levels:
                yield ("visits", key), _("there is no [access_levels.{name}]").format(name=name)
    if kind := tables.partners.requirement:
        wanted = tables.requirements.get(kind)
        if wanted is None:
            yield (
                ("partners", "requirement"),
                _("there is no [requirements.{kind}]").format(kind=kind),
            )
        elif wanted.of != "company":
            yield (
                ("partners", "requirement"),
                _('[requirements.{kind}] is not of = "company"').format(kind=kind),
            )
    if ALWAYS in tables.schedules:
        yield ("schedules", ALWAYS), _("this name is built in")
    days = [holiday.date for holiday in tables.holidays]
    for index, day in enumerate(days):
        if day in days[:index]:
            yield ("holidays", index, "date"), _("{day} is listed twice").format(day=day)


def _console_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """A desk's reader that is not there or belongs to a door; figures where the gateway's are;
    areas of operators."""
    desk = tables.console.desk_reader
    shown = tables.console.metrics.listen
    if shown and shown == tables.metrics.listen:
        said = _("[metrics] has the same address: the console is a process of its own")
        yield ("console", "metrics", "listen"), said
    here: Loc = ("console", "desk_reader")
    if desk and desk not in tables.readers:
        yield here, _("there is no [readers.{reader}]").format(reader=desk)
    for name, door in tables.doors.items():
        if desk and desk in (door.reader, door.reader_out):
            yield (
                here,
                _("reader {reader} belongs to door {other} already").format(
                    reader=desk, other=name
                ),
            )
    for name, operator in tables.operators.items():
        for area in operator.areas:
            if area not in tables.areas:
                yield (
                    ("operators", name, "areas"),
                    _("there is no [{kind}.{name}]").format(kind="areas", name=area),
                )


def criteria_mistakes(tables: Tables, known: Collection[str]) -> Iterator[tuple[Loc, str]]:
    """Criteria that the configuration names and the set (`known`) does not have."""
    for name, kind in tables.requirements.items():
        for item in kind.criteria:
            if item not in known:
                yield (
                    ("requirements", name, "criteria"),
                    _("there is no criterion {item}").format(item=item),
                )


def _policy_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Areas, levels and kinds of requirement that the file names and does not define."""

    def known(loc: Loc, kind: str, name: str, there: Collection[str]) -> Iterator[tuple[Loc, str]]:
        if name not in there:
            yield loc, _("there is no [{kind}.{name}]").format(kind=kind, name=name)

    levels = tables.access_levels
    for name, door in tables.doors.items():
        for key, area in (("area", door.area), ("from_area", door.from_area)):
            if area:
                yield from known(("doors", name, key), "areas", area, tables.areas)
        if door.area and door.area == door.from_area:
            yield ("doors", name, "from_area"), _("a door leads from one area to another")
    for name, level in levels.items():
        for area, schedule in level.areas.items():
            loc = ("access_levels", name, "areas", area)
            yield from known(loc, "areas", area, tables.areas)
            if schedule != ALWAYS:
                yield from known(loc, "schedules", schedule, tables.schedules)
    for name, table in tables.schedules.items():
        if table.first_in:
            yield from known(
                ("schedules", name, "first_in"), "access_levels", table.first_in, levels
            )
    for name, place in tables.areas.items():
        for kind in place.requires:
            yield from known(("areas", name, "requires"), "requirements", kind, tables.requirements)
        for gate in place.shared:
            yield from known(("areas", name, "shared"), "peers", gate, tables.peers)
    yield from afar.peer_mistakes(tables)
    ranks: dict[int, str] = {}
    for name, threat in tables.threat_levels.items():
        here = ("threat_levels", name)
        for area in threat.closed:
            if area != "*":
                yield from known((*here, "closed"), "areas", area, tables.areas)
        for area in threat.two_person:
            yield from known((*here, "two_person"), "areas", area, tables.areas)
        for level_name in threat.open_to:
            yield from known((*here, "open_to"), "access_levels", level_name, levels)
        if other := ranks.get(threat.rank):
            yield (*here, "rank"), _("the same as that of {other}").format(other=other)
        ranks.setdefault(threat.rank, name)
    for key in ("on_unknown", "input_level"):
        if wanted := getattr(tables.threat, key):
            yield from known(("threat", key), "threat_levels", wanted, tables.threat_levels)
    ref = tables.threat.input
    if ref is not None:
        on_bus = ref.device in tables.readers and tables.readers[ref.device].bus is not None
        if not on_bus and ref.device not in tables.inputs:
            yield (
                ("threat", "input"),
                _("{device} is no [inputs] and no reader on a bus").format(device=ref.device),
            )
    sets = any("threat_set" in key.commands for key in tables.command_keys.values())
    if sets and not tables.threat_levels:
        yield ("command_keys",), _("there are no [threat_levels] to set")
    yield from afar.remote_mistakes(tables)


def _port_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Ports and bus addresses used twice, buses that are not there."""
    ports: dict[str, str] = {}
    for kind, name, device in with_port(tables):
        port = normpath(device.port)  # gateway/devices/attached.py follows the links
        if other := ports.get(port):
            yield (kind, name, "port"), _("the same port as {other}").format(other=other)
        ports.setdefault(port, f"{kind}.{name}")
    addresses: dict[tuple[str, int], str] = {}
    for name, bus in tables.buses.items():
        if not bus.port:
            yield ("buses", name, "port"), _("missing")
        if sum(reader.bus == name for reader in tables.readers.values()) > MAX_ON_BUS:
            yield ("buses", name), _("more than {max_on_bus} readers").format(max_on_bus=MAX_ON_BUS)
    for name, reader in tables.readers.items():
        if reader.bus is None or reader.address is None:
            continue
        if reader.bus not in tables.buses:
            yield ("readers", name, "bus"), _("there is no [buses.{bus}]").format(bus=reader.bus)
        elif other := addresses.get((reader.bus, reader.address)):
            yield ("readers", name, "address"), _("the same as reader {other}").format(other=other)
        addresses.setdefault((reader.bus, reader.address), name)
    for name, lock in tables.locks.items():
        if lock.reader is not None:
            holder = tables.readers.get(lock.reader)
            if holder is None or holder.bus is None:
                yield (
                    ("locks", name, "reader"),
                    _("{reader} is no reader on a bus").format(reader=lock.reader),
                )


def _door_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """What a door names and is not there, or belongs to another."""
    readers: dict[str, str] = {}
    channels: dict[tuple[str, int], str] = {}
    contacts: dict[tuple[str, int], str] = {}
    for name, door in tables.doors.items():
        here = ("doors", name)
        ways = (("reader", door.reader, door.mode), ("reader_out", door.reader_out, door.mode_out))
        for key, reader, mode in ways:
            if reader is None:
                continue
            if reader not in tables.readers:
                yield (*here, key), _("there is no [readers.{reader}]").format(reader=reader)
            elif other := readers.get(reader):
                yield (
                    (*here, key),
                    _("reader {reader} belongs to door {other} already").format(
                        reader=reader, other=other
                    ),
                )
            elif mode.pin and tables.readers[reader].bus is None:
                yield (
                    (*here, key),
                    _("reader {reader} has no keypad; a PIN needs an OSDP reader").format(
                        reader=reader
                    ),
                )
            readers.setdefault(reader, name)
        if door.lock not in tables.locks:
            yield (*here, "lock"), _("there is no [locks.{lock}]").format(lock=door.lock)
        elif other := channels.get((door.lock, door.channel)):
            yield (
                (*here, "channel"),
                _("{lock} relay {channel} opens door {other} already").format(
                    lock=door.lock, channel=door.channel, other=other
                ),
            )
        elif tables.locks[door.lock].reader is not None and door.release == "de-energise":
            yield (
                (*here, "release"),
                _("the output of a reader that is away drops, and would unlock"),
            )
        channels.setdefault((door.lock, door.channel), name)
        if door.camera is not None and door.camera not in tables.cameras:
            yield (*here, "camera"), _("there is no [cameras.{camera}]").format(camera=door.camera)
        for key in ("contact", "rex", "fire"):
            ref: InputRef | None = getattr(door, key)
            if ref is None:
                continue
            on_bus = ref.device in tables.readers and tables.readers[ref.device].bus is not None
            if not on_bus and ref.device not in tables.inputs:
                yield (
                    (*here, key, "device"),
                    _("{device} is no [inputs] and no reader on a bus").format(device=ref.device),
                )
            elif key == "contact" and (other := contacts.get((ref.device, ref.input))):
                yield (
                    (*here, key),
                    _("input {input} of {device} is that of {other} already").format(
                        input=ref.input, device=ref.device, other=other
                    ),
                )
            if key == "contact":
                contacts.setdefault((ref.device, ref.input), name)


def _interlock_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    taken: dict[str, str] = {}
    for name, interlock in tables.interlocks.items():
        for door in interlock.doors:
            here = ("interlocks", name, "doors")
            if door not in tables.doors:
                yield here, _("there is no [doors.{door}]").format(door=door)
            elif tables.doors[door].contact is None:
                yield (
                    here,
                    _("{door} has no contact: nobody would know whether it is shut").format(
                        door=door
                    ),
                )
            elif other := taken.get(door):
                yield here, _("{door} belongs to {other} already").format(door=door, other=other)
            taken.setdefault(door, name)


def _driver_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    kinds: tuple[tuple[registry.Kind, Mapping[str, PortTable]], ...] = (
        ("readers", {n: t for n, t in tables.readers.items() if t.bus is None}),
        ("locks", {n: t for n, t in tables.locks.items() if t.reader is None}),
        ("inputs", tables.inputs),
        ("buses", tables.buses),
    )
    for kind, devices in kinds:
        for name, device in devices.items():
            try:
                factory = registry.load(kind, device.driver)
            except registry.UnknownDriver as error:
                yield (kind, name, "driver"), str(error)
                continue
            if kind == "inputs" and factory.needs_port != bool(device.port):
                said = (
                    _("the driver {driver} needs a port")
                    if factory.needs_port
                    else _("the driver {driver} has no port")
                )
                yield (kind, name, "port"), said.format(driver=device.driver)
            try:
                options = factory.check(device.options)
            except ValidationError as error:
                for item in error.errors():
                    yield (kind, name, "options", *item["loc"]), reason(item)
                continue
            if kind == "buses":
                yield from _bus_reader_mistakes(tables, name, factory)
            if kind != "locks":
                continue
            channels = factory.cls(options).channels
            for door_name, door in tables.doors.items():
                if door.lock == name and door.channel > channels:
                    yield (
                        ("doors", door_name, "channel"),
                        _("{name} has {channels} relay(s); set its options.channels").format(
                            name=name, channels=channels
                        ),
                    )
    for name, camera in tables.cameras.items():
        try:
            registry.load("cameras", camera.driver).check(camera.options)
        except registry.UnknownDriver as error:
            yield ("cameras", name, "driver"), str(error)
        except ValidationError as error:
            for item in error.errors():
                yield ("cameras", name, "options", *item["loc"]), reason(item)


def _face_mistakes(tables: Tables) -> Iterator[tuple[Loc, str]]:
    """Mistakes in [face].  This does not load the embedder, because only the face process should
    pay for that."""
    face = tables.face
    if face.embedder == OUR_EMBEDDER:
        if face.embedder_options:
            yield (
                ("face", "embedder_options"),
                _("{our_embedder} takes none").format(our_embedder=OUR_EMBEDDER),
            )
        for key in THRESHOLDS:
            if getattr(face, key) > MAX_THRESHOLD:
                yield (
                    ("face", key),
                    _("at most {max_threshold} with dlib's model (docs/face.md)").format(
                        max_threshold=MAX_THRESHOLD
                    ),
                )
        return
    known = sorted({OUR_EMBEDDER, *registry.names("embedders")})
    if face.embedder not in known:
        yield (
            ("face", "embedder"),
            _("no embedder {embedder!r}; there are: {known}").format(
                embedder=face.embedder, known=", ".join(known)
            ),
        )
    for key in THRESHOLDS:
        if key not in face.model_fields_set:
            yield (
                ("face", key),
                _("needed with the embedder {embedder!r}: the default is of dlib's model").format(
                    embedder=face.embedder
                ),
            )


def _bus_reader_mistakes(
    tables: Tables, bus: str, factory: registry.Factory
) -> Iterator[tuple[Loc, str]]:
    for name, reader in tables.readers.items():
        if reader.bus != bus:
            continue
        try:
            factory.cls.ReaderOptions.model_validate(reader.options)
        except ValidationError as error:
            for item in error.errors():
                yield ("readers", name, "options", *item["loc"]), reason(item)
