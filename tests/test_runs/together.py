"""What several processes do in tests, as if torchrun had started them; a module that they import by name."""

import importlib
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import torch
from torch.distributed import TCPStore

from linrec_cli import processes, runs
from linrec_cli.cli import console
from linrec_cli.errors import LinrecError
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.evaluation.top import top
from linrec_cli.profiling import isolate, kernel, memory
from linrec_cli.runs import events
from linrec_cli.runs.train import follow, settled
from linrec_cli.settings import Evaluate
from linrec_cli.training import checkpoint, fit

SECONDS = 60


def together(task, *given, count=2, log=os.devnull, strangers=False):
    """Let processes do a task, each told what is given; give what each returned, or the error it ended with.

    Strangers know nothing of each other.
    """
    # They need not import the script that started this process.
    vars(sys.modules["__main__"]).pop("__file__", None)
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    context, pipes, started = isolate.server(), [], []
    for rank in range(count):
        reader, writer = context.Pipe()
        more = (store.port, str(log), writer)
        started.append(context.Process(target=entry, args=(task, given, rank, 0 if strangers else count, *more)))
        started[-1].start()
        writer.close()
        pipes.append(reader)
    found = []
    for reader, process in zip(pipes, started, strict=True):
        found.append(None)
        with suppress(EOFError, ConnectionError):
            found[-1] = reader.recv() if reader.poll(SECONDS) else "no answer"
        process.join(1 if found[-1] else SECONDS)
        process.kill()
        process.join()
    return found


def entry(task, given, rank, count, port, log, writer):
    """Be the process of a rank."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    told |= {"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "test", "TORCHELASTIC_RESTART_COUNT": 0}
    if count:
        os.environ.update({name: str(value) for name, value in told.items()}, TORCHELASTIC_USE_AGENT_STORE="True")
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 2)
    torch.set_num_threads(1)
    kernel.name = lambda spans: [span() for span in spans.values()] and "a kernel"
    memory.fill = lambda libc: None
    try:
        writer.send(task(*given))
    except BaseException as error:
        writer.send(error)


def trained(every, frame):
    """Train runs, none of which is written: losses and metrics of their epochs, and a digest of the weights."""
    data, found = runs.prepare(frame, name="ring"), []
    with processes.joined("cpu"):
        for settings in every:
            parts = data.split("leave-one-out")
            state = fit.start(settings, data.sequences, parts)
            history = [(one.loss, one.targets, one.ndcg) for one in fit.epochs(state, data.sequences, parts)]
            weights = {name: value.numpy() for name, value in state.best.items()}
            found.append((history, weights, checkpoint.digest(state.best)))
    return found


def ranked(settings, frame):
    """Rank all items, and some; take the first; and count the histories that each process read."""
    data = runs.prepare(frame, name="ring")
    parts, settings = data.split("leave-one-out"), settled(settings, data)
    state = fit.start(settings, data.sequences, parts)
    query, read = state.model.query, []
    state.model.query = lambda batch: read.append(len(batch.items)) or query(batch)
    some = torch.arange(1, 6).repeat(len(parts.test), 1)
    with processes.joined("cpu"):
        own = (state.model, data.sequences, parts.test, 20)
        found = [ranks(*own), ranks(*own, negatives=some), *top(state.model, data.sequences, 20, 7)]
    return [one.numpy() for one in found], sum(read)


def run(settings, frame, folder, act=None):
    """Train a run in a folder, as the command line does; `act` hears of batches in every process."""
    data = runs.prepare(frame, name="ring")
    step, steps = fit.step, []

    def acting(state, batch):
        steps.append(batch)
        loss = step(state, batch)
        if act:
            act(len(steps))
        return loss

    fit.step = acting
    settings = settled(settings, data)
    try:
        with processes.joined("cpu", led=True):
            if processes.rank():
                os.chdir(Path(folder).parent)
                follow(settings, data)
            else:
                list(runs.sweep([settings], data, Path(folder)))
    except LinrecError as error:
        console.fail(str(error))
        raise
    return len(steps)


def stops(steps):
    """Tell the second process to stop, once."""
    if steps == 7 and processes.rank() == 1:
        os.kill(os.getpid(), signal.SIGTERM)


def dies(steps):
    """Let the second process end without a word."""
    if steps == 20 and processes.rank() == 1:
        os._exit(9)


def fills(steps):
    """Let the second process run out of memory."""
    if steps == 20 and processes.rank() == 1:
        raise RuntimeError("out of memory\nand more")


def hangs(steps):
    """Let the second process answer no more."""
    if steps == 20 and processes.rank() == 1:
        time.sleep(10)


def impatient(*given):
    """Train a run, and wait a second for who does not answer."""
    processes.PATIENCE = timedelta(seconds=1)
    return run(*given)


def late(steps):
    """Let the clocks of processes differ by an hour."""
    clock = time.perf_counter
    if steps == 1 and processes.rank() == 1:
        time.perf_counter = lambda: clock() + 3600


def swept(cells, frame, results):
    """Sweep over cells, each trained in this process; give the runs that were trained here, and all there are."""
    module, trained = importlib.import_module("linrec_cli.runs.sweep"), []
    module.apart = module.attempt

    def watch(event):
        if isinstance(event, events.Epoch) and event.epoch == 1:
            trained.append(event.run)

    tables = list(runs.sweep(cells, runs.prepare(frame, name="ring"), Path(results), watch=watch))
    return trained, [table["run"][0] for table in tables]


def evaluated(folder, results, negatives):
    """Evaluate a run among negatives, and write that in a folder of each process's own."""
    from linrec_cli import catalog

    catalog.load("protocols", "uni100").NEGATIVES = negatives
    with processes.joined("cpu"):
        found = runs.evaluate(Path(folder), settings=Evaluate(protocol="uni100"), results_dir=Path(results))
    return found.ranks, found.rows["processes"].unique().to_list()


def fails(message):
    """Say what went wrong."""
    console.say("talk")
    console.fail(message)
    return processes.speaks()
