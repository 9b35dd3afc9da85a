"""The commands that wait for one reader: their order, and what takes another's place."""

from __future__ import annotations

from drivers.readers.osdp import messages
from drivers.readers.osdp.commands import LIMIT, Command, CommandQueue
from drivers.readers.osdp.messages import Cmd, Colour

RED, GREEN = messages.led(Colour.RED), messages.led(Colour.GREEN)
PULL, DROP = messages.output(0, on=True), messages.output(0, on=False)


def taken(queue: CommandQueue) -> list[bytes]:
    found = []
    while (command := queue.next()) is not None:
        found.append(command.payload)
    return found


def test_orders_to_outputs_go_before_what_is_shown_and_keep_their_order() -> None:
    queue = CommandQueue()
    queue.show([RED, messages.buzzer(1)], 1.0)
    queue.add(Command(PULL, 1.0))
    queue.add(Command(bytes((Cmd.LSTAT,)), 1.0))
    queue.add(Command(DROP, 1.0))
    assert taken(queue) == [PULL, DROP, RED, messages.buzzer(1), bytes((Cmd.LSTAT,))]


def test_a_newer_signal_takes_the_place_of_one_that_waits() -> None:
    queue = CommandQueue()
    queue.show([RED, messages.text("WAIT")], 1.0)
    queue.add(Command(bytes((Cmd.LSTAT,)), 1.0))
    queue.show([GREEN], 1.0)
    assert taken(queue) == [bytes((Cmd.LSTAT,)), GREEN]


def test_a_full_queue_takes_no_more_and_what_was_sent_comes_back_to_its_head() -> None:
    queue = CommandQueue()
    for _ in range(LIMIT):
        queue.add(Command(bytes((Cmd.LSTAT,)), 1.0))
    assert queue.full
    queue.show([RED], 1.0)
    assert RED not in [command.payload for command in queue]
    sent = queue.next()
    assert sent is not None
    queue.put_back(sent)
    assert next(iter(queue)) is sent


def test_what_is_too_old_is_taken_out() -> None:
    queue = CommandQueue()
    old, young = Command(PULL, 1.0), Command(DROP, 2.0)
    queue.add(old)
    queue.add(young)
    assert queue.take_expired(1.5) == [old] and list(queue) == [young]
    assert queue.take_expired(1.5) == []
    assert queue.take_out((Cmd.KEYSET,)) == [] and queue.take_all() == [young] and not queue
