"""Signals that are held back until what a run holds is whole."""

import os
import signal

import pytest

from linrec_cli.runs.interrupt import SIGNALS, Interrupts


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def held_back(*acts):
    """Do things while signals are held back."""
    with Interrupts("the batch", "the checkpoint") as interrupts:
        for act in acts:
            act(interrupts)


def free(done):
    def act(interrupts):
        with interrupts.free():
            done.append("inside")
            send()
            done.append("after it")

    return act


def test_what_is_still_held_back_at_the_end_is_raised_there():
    done = []
    with pytest.raises(KeyboardInterrupt):
        held_back(lambda _: send(), lambda _: done.append(True))
    assert done == [True]


def test_all_signals_after_the_first_say_what_is_waited_for_and_the_last_decides(capfd):
    said = []

    def listen(_=None):
        said.append(capfd.readouterr().err)

    def leave(interrupts):
        try:
            interrupts.leave()
        finally:
            send()
            listen()

    with pytest.raises(SystemExit) as leaving:
        held_back(lambda _: send(), listen, lambda _: send(signal.SIGTERM), listen, leave)
    batch, checkpoint = (f"linrec: stopping; waiting for the {what}.\n" for what in ("batch", "checkpoint"))
    assert said == ["", batch, checkpoint]
    assert leaving.value.code == 143


def test_an_error_of_the_block_is_told_before_a_signal():
    with pytest.raises(ZeroDivisionError):
        held_back(lambda _: send(), lambda _: 1 / 0)


@pytest.mark.parametrize("before", [True, False])
def test_where_it_is_free_a_signal_does_not_wait_and_one_that_came_before_neither(before):
    done = []
    with pytest.raises(KeyboardInterrupt):
        held_back(lambda _: send() if before else None, lambda _: done.append("outside"), free(done))
    assert done == ["outside"] + ([] if before else ["inside"])


def test_after_what_was_free_signals_wait_again():
    done = []

    def pause(interrupts):
        with interrupts.free():
            pass

    with pytest.raises(KeyboardInterrupt):
        held_back(pause, lambda _: send(), lambda _: done.append("after"))
    assert done == ["after"]


def test_what_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts("it") as interrupts:
            send()
            assert interrupts.heard is None
            assert signal.getsignal(signal.SIGTERM) == interrupts.hear
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handlers_there_were_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts("it"):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
