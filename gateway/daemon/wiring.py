"""The devices and doors of a site, built from its settings: what belongs to what.

`build_devices` makes everything that has a wire; `build_doors` then makes the doors and connects
them.  There is nothing else here: what a part does stands in the part's own file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from drivers.base import InputState, LinkChange, Restarted, Tamper
from drivers.serialport import SerialPort
from gateway.config import DoorTable, InputRef, Settings
from gateway.daemon.alarmwatch import RELAY, Siren
from gateway.decide.policy import Direction
from gateway.devices import (
    BusReader,
    Debounce,
    InputDevice,
    LockBoard,
    OutputLock,
    ReaderBus,
    ReaderPort,
    SirenRelay,
    Wired,
    input_number,
    make_inputs,
)
from gateway.devices.ports import OnDevice
from gateway.doors.controller import DoorController
from gateway.doors.hardware import DoorHardware
from gateway.doors.interlock import Interlock
from gateway.doors.machine import DoorTimes
from gateway.doors.reader import DoorReader
from gateway.doors.services import Services
from gateway.ledger.event import NewEvent
from gateway.vault.readerkeys import ReaderKeys

Board = LockBoard | OutputLock


@dataclass(slots=True)
class Plant:
    """Everything that has a wire, by name."""

    buses: dict[str, ReaderBus] = field(default_factory=dict)
    readers: list[ReaderPort] = field(default_factory=list)
    boards: dict[str, Board] = field(default_factory=dict)
    inputs: dict[str, InputDevice] = field(default_factory=dict)
    doors: dict[str, DoorController] = field(default_factory=dict)
    interlocks: dict[str, Interlock] = field(default_factory=dict)

    def bus_reader(self, name: str) -> BusReader | None:
        """A reader on a bus, by name."""
        return self.bus_readers().get(name)

    def bus_readers(self) -> dict[str, BusReader]:
        """All readers on buses, by name."""
        return {n: r for bus in self.buses.values() for n, r in bus.readers.items()}

    def reader(self, name: str) -> ReaderPort | BusReader | None:
        """A reader by name, wherever it is."""
        on_port = next((reader for reader in self.readers if reader.name == name), None)
        return on_port or self.bus_reader(name)

    def ports(self) -> dict[tuple[str, str], SerialPort]:
        """Every serial port that has to be kept open, by kind and name of its device."""
        boards = {n: b for n, b in self.boards.items() if isinstance(b, LockBoard)}
        ports = {("lock", name): board.port for name, board in boards.items()}
        ports |= {("reader", reader.name): reader.port for reader in self.readers}
        ports |= {("bus", name): bus.port for name, bus in self.buses.items()}
        return ports


def build_devices(
    settings: Settings,
    *,
    keys: ReaderKeys,
    on_device: OnDevice,
    note: Callable[[NewEvent], None],
) -> Plant:
    """All devices but the readers with a port of their own, which come with their doors.

    `note` takes what buses have for the log.
    """
    tables = settings.tables
    plant = Plant()
    for name, bus in tables.buses.items():
        on_it = {n: r for n, r in tables.readers.items() if r.bus == name}
        plant.buses[name] = ReaderBus(name, bus, on_it, keys, on_device, note, tables.site.language)
    for name, table in tables.inputs.items():
        plant.inputs[name] = make_inputs(name, table, on_device)
    for name, lock in tables.locks.items():
        doors = {key: door for key, door in tables.doors.items() if door.lock == name}
        if lock.reader is None:
            plant.boards[name] = LockBoard(
                name, lock, {**doors, **_siren(name, settings)}, on_device
            )
        else:
            reader = plant.bus_reader(lock.reader)
            assert reader is not None  # checked with the configuration
            plant.boards[name] = OutputLock(name, reader, doors, on_device)
    return plant


def _siren(board: str, settings: Settings) -> dict[str, Wired]:
    """The siren's relay, if it is on this board."""
    siren = settings.tables.alarms.siren
    if siren is None or siren.lock != board:
        return {}
    return {RELAY: SirenRelay(siren.channel)}


def build_siren(plant: Plant, settings: Settings) -> Siren | None:
    """What sounds at the gate; None if the site has nothing."""
    table = settings.tables.alarms.siren
    if table is None:
        return None
    known = plant.bus_readers()
    board = plant.boards.get(table.lock)
    return Siren(
        [known[name] for name in table.readers if name in known],
        board if isinstance(board, LockBoard) else None,
    )


def build_doors(
    plant: Plant, settings: Settings, *, services: Services, on_device: OnDevice
) -> None:
    """Add all doors to `plant`, each with its readers, and connect them to their devices.  The
    desk's reader, which has no door, is added too."""
    tables = settings.tables
    interlock_of: dict[str, Interlock] = {}
    for name, item in tables.interlocks.items():
        plant.interlocks[name] = Interlock(name)
        interlock_of |= dict.fromkeys(item.doors, plant.interlocks[name])
    desk = tables.console.desk_reader
    if desk and plant.bus_reader(desk) is None:
        plant.readers.append(ReaderPort(desk, tables.readers[desk], on_device))
    for name, door in tables.doors.items():
        interlock = interlock_of.get(name)
        plant.doors[name] = _door(name, door, settings, services, plant, on_device, interlock)


def _door(
    name: str,
    door: DoorTable,
    settings: Settings,
    services: Services,
    plant: Plant,
    on_device: OnDevice,
    interlock: Interlock | None,
) -> DoorController:
    board = plant.boards[door.lock]
    controller = DoorController(
        name,
        lock=board,
        times=DoorTimes(
            pulse_s=door.pulse_s,
            rex_s=door.rex_s,
            held_warn_s=door.held_warn_s,
            held_alarm_s=door.held_alarm_s,
        ),
        services=services,
        watched=door.contact is not None,
        fire_releases=door.on_fire == "release",
        interlock=interlock,
    )
    hardware = controller.hardware
    board.on_lost(hardware.on_lock_lost)
    if isinstance(board, OutputLock):
        board.on_wrong(name, hardware.on_lock_wrong)
    ways = (
        (door.reader, Direction.IN, door.camera),
        (door.reader_out, Direction.OUT, None),
    )
    for reader, direction, camera in ways:
        if reader is None:
            continue
        on_bus = plant.bus_reader(reader)
        added = controller.add_reader(reader, direction, camera, on_bus)
        if on_bus is None:
            table = settings.tables.readers[reader]
            on_port = ReaderPort(reader, table, on_device)
            on_port.listen_readings(added.on_reading)
            plant.readers.append(on_port)
        else:
            on_bus.listen_readings(added.on_reading)
            on_bus.listen(LinkChange, partial(_interrupted, added))
            on_bus.listen(Restarted, partial(_interrupted, added))
    for device in _wired_to(door, settings):
        if (on_bus := plant.bus_reader(device)) is not None:
            on_bus.listen(Tamper, partial(_tamper, hardware, device))
    _listen(plant, "contact", door.contact, hardware, hardware.on_contact, hardware.on_contact_lost)
    _listen(plant, "rex", door.rex, hardware, hardware.on_rex)
    _listen(plant, "fire", door.fire, hardware, hardware.on_fire)
    return controller


def _interrupted(reader: DoorReader, event: LinkChange | Restarted, now: float) -> None:
    reader.on_interrupted()


def _tamper(hardware: DoorHardware, device: str, event: Tamper, now: float) -> None:
    hardware.on_tamper(device, event.active)


def _wired_to(door: DoorTable, settings: Settings) -> list[str]:
    """What somebody may open to get at this door: its readers, and those that hold its lock or
    its inputs."""
    refs = (door.contact, door.rex, door.fire)
    names = [door.reader, door.reader_out, settings.tables.locks[door.lock].reader]
    names += [ref.device for ref in refs if ref is not None]
    return list(dict.fromkeys(name for name in names if name is not None))


def _listen(
    plant: Plant,
    kind: str,
    ref: InputRef | None,
    hardware: DoorHardware,
    told: Callable[[bool], None],
    lost: Callable[[], None] | None = None,
) -> None:
    """Have `told` called with whether the input is other than normal, and `lost` when its
    device goes away."""
    if ref is None:
        return
    resting = ref.normally == "closed"
    device = plant.bus_reader(ref.device) or plant.inputs[ref.device]
    name = f"{ref.device}:{ref.input}"
    debounce = Debounce(ref.debounce_s, told, partial(hardware.on_chatter, kind, name))

    def link(change: LinkChange, now: float) -> None:
        if not change.online:
            debounce.lost()
            if lost is not None:
                lost()

    device.listen(
        InputState, input_number(ref.input, lambda closed: debounce.take(closed != resting))
    )
    device.listen(LinkChange, link)
