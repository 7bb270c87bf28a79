"""The frozen settings of a run, each declared once; what a model usually takes, and the digest that runs go by."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from linrec_cli import catalog
from linrec_cli.declared import check, counting, declared, setting
from linrec_cli.declared import each as each
from linrec_cli.declared import from_stored as from_stored
from linrec_cli.errors import UsageError
from linrec_cli.names import fitting, spec_filed
from linrec_cli.profile_settings import HOW as HOW
from linrec_cli.profile_settings import Effort as Effort
from linrec_cli.profile_settings import Profile as Profile
from linrec_cli.shared_settings import ATTN, BUILT, DEVICE, DTYPE, LENGTH, SEED, SEEN, SPECS, THREADS, split_evenly
from linrec_cli.shared_settings import AUTO as AUTO
from linrec_cli.shared_settings import DTYPES as DTYPES

OWN = ("attn", "maxlen", "seed")
"""What runs of one setup differ in; in a sweep the innermost axes."""
MANY = 2**31
"""More than anything that is counted here ever is."""
LEAST_REPEATED = 0.01
"""Share of golds that repeat from which on the items of a history are ranked, and not removed."""
FEW_ITEMS, FEW_USERS = 100, 30
"""Below these a number hardly tells models apart."""
MODEL, DATA, TRAINING, RUNNING, RANKING = "Model", "Data", "Training", "Running", "How to rank"


@dataclass(frozen=True)
class Train:
    """Everything that can alter the numbers of a training run, and what its data is called."""

    KIND: ClassVar[str] = "Train"

    attn: str = setting(
        AUTO, MODEL, f"Mechanisms, {SPECS}; auto: linear, where the model takes one.",
        neutral="linear", **ATTN,
    )  # fmt: skip
    maxlen: int = setting(200, MODEL, "Lengths of history read.", **LENGTH)
    model: str = setting("sasrec", MODEL, f"Models, {SPECS}.", **BUILT)
    width: int = setting(64, MODEL, "Channels.", low=1, high=65_536, axis=True)
    layers: int = setting(2, MODEL, "Blocks.", low=1, high=256, axis=True)
    heads: int = setting(2, MODEL, "Heads the width is split into.", low=1, high=1024, axis=True)
    dropout: float = setting(
        0.3, MODEL, "Share of outputs dropped in training; on a CPU in 256ths.", low=0.0, high=0.95, axis=True
    )
    data: str = setting(
        "ml-100k",
        DATA,
        "A name of `linrec download --list`, or files of your own.",
        counts=False,
        told=True,
        also="--train",
    )
    data_digest: str = setting("")
    # Of times or features, where the model reads them: the data's digest is of items in their order.
    read_digest: str = setting("")
    # What the filter left is in the data's digest.
    min_user: int = setting(5, DATA, "k-core: least events of a user.", low=0, high=MANY, counts=False)
    min_item: int = setting(5, DATA, "k-core: least events of an item.", low=0, high=MANY, counts=False)
    split: str = setting(
        "leave-one-out", DATA, f"What is held out, {SPECS}.", axis=True, folder="splits", attribute="split"
    )
    # `seen` is an evaluation's, which stands beside these in its settings.
    seen_items: str = setting(AUTO, DATA, also="--seen", **SEEN)
    # What events are ordered by.
    order: str = setting("", counts=False)
    seed: int = setting(0, TRAINING, "Seeds.", axis=True, told=True, **SEED)
    objective: str = setting(
        AUTO, TRAINING, f"What is predicted, {SPECS}; auto: what is usual for the model.",
        neutral="next", axis=True, folder="objectives", attribute="targets",
    )  # fmt: skip
    loss: str = setting(
        "cross-entropy",
        TRAINING,
        f"How far off a prediction is, {SPECS}.",
        axis=True,
        folder="losses",
        attribute="loss",
    )
    lr: float = setting(1e-3, TRAINING, "Learning rate of AdamW.", low=0.0, high=10.0, axis=True)
    weight_decay: float = setting(
        0.01, TRAINING, "Decay of the weights of linear layers.", low=0.0, high=10.0, axis=True
    )
    warmup: int = setting(0, TRAINING, "Steps over which the learning rate rises.", low=0, high=MANY, axis=True)
    schedule: str = setting(
        "constant", TRAINING, "How the learning rate falls until the last of --epochs: constant, linear or cosine.",
        choices=("constant", "linear", "cosine"), axis=True,
    )  # fmt: skip
    clip: float = setting(
        0.0, TRAINING, "Greatest norm of a step's gradients; 0 is no limit.", low=0.0, high=1e6, axis=True
    )
    ema: float = setting(
        0.0, TRAINING, "Share of itself that an average of the weights keeps a step; 0: none. It is what is tested.",
        low=0.0, high=0.999999, axis=True,
    )  # fmt: skip
    tokens: int = setting(
        1600, TRAINING, "Positions in a batch, padding included; one window at least.", low=1, high=MANY, axis=True
    )
    patience: int = setting(8, TRAINING, "Epochs without a better validation before it stops.", low=1, high=1_000_000)
    epochs: int = setting(200, TRAINING, "Epochs at most.", low=1, high=1_000_000)
    max_minutes: float = setting(0.0, TRAINING, "Minutes, asked after each epoch; 0 is no limit.", low=0.0, high=1e6)
    device: str = setting("cpu", RUNNING, **DEVICE)
    dtype: str = setting("float32", RUNNING, **DTYPE)
    threads: int = setting(1, RUNNING, **THREADS)
    # A CPU gives the same bits without it.
    deterministic: bool = setting(False, RUNNING, "Same seed, same bits on CUDA too, where that can be; slower.")
    graphs: bool = setting(False, RUNNING, "Replay a step as a CUDA graph, a shape each; never run on a GPU yet.")

    def __post_init__(self) -> None:
        """Check every limit, and that width splits into heads."""
        check(self)
        split_evenly((self.width,), (self.heads,))

    @property
    def name(self) -> str:
        """Name the run: what it was, then the digest of its settings."""
        one = decided(self)
        what = (one.data, one.model, one.attn, str(one.maxlen), f"s{one.seed}", digest(one))
        return fitting("-".join(filter(None, map(spec_filed, what))))


@dataclass(frozen=True)
class Reading:
    """How files of one's own are read; what is read has a digest."""

    user: str | None = setting(None, DATA, "Column of users in your file.", counts=False)
    item: str | None = setting(None, DATA, "Column of items in your file.", counts=False)
    time: str | None = setting(
        None, DATA, "Column of times in your file; two as date,time; none: in the file's order.", counts=False
    )
    columns: str | None = setting(
        None, DATA, "All columns of a file that names none, as user,item,_,time.", counts=False
    )
    time_format: str | None = setting(
        None, DATA, "How times are written: day-first, month-first, or as %d.%m.%Y %H:%M.", counts=False
    )
    duplicates: str = setting(
        "keep", DATA, "keep events that stand twice; drop those of one time; drop consecutive ones of one item.",
        choices=("keep", "drop", "consecutive"), counts=False,
    )  # fmt: skip
    valid: str | None = setting(None, DATA, "Files of validation events, of data that are split.", counts=False)
    test: str | None = setting(None, DATA, "Files of test events, of data that are split.", counts=False)
    skip_bad: bool = setting(False, DATA, "Leave malformed rows of your file out.", counts=False)

    def __post_init__(self) -> None:
        """Check every choice."""
        check(self)


@dataclass(frozen=True)
class Evaluate:
    """Everything that can alter the numbers of an evaluation, beside the weights."""

    KIND: ClassVar[str] = "Evaluate"

    protocol: str = setting(
        "full", RANKING,
        "full, or 100 negatives drawn once for all models: uni100 uniformly, pop100 by popularity.",
        folder="protocols", attribute="negatives",
    )  # fmt: skip
    metrics: tuple[str, ...] = setting(
        (), RANKING, "Metrics, as a,b, of ranks or of the recommended lists.",
        axis=True, folder="metrics", asked="", shown="those of a training",
    )  # fmt: skip
    k: tuple[int, ...] = setting(
        (1, 5, 10, 20), RANKING, "Cut-offs of the metrics.", low=1, high=1_000_000, axis=True, was="ks"
    )
    seen: str = setting(AUTO, RANKING, **SEEN | {"help": "remove or rank the items of the history; auto: as trained."})
    stage: str = setting("test", RANKING, "valid or test.", choices=("valid", "test"))
    by: str = setting(
        "", RANKING, "repeat: new and repeated golds apart too.", choices=("", "repeat"), shown="together"
    )
    negatives_seed: int = setting(0, RANKING, "Seed of the negatives.", **SEED)
    device: str = setting("cpu", RUNNING, **DEVICE)
    threads: int = setting(1, RUNNING, counts=False, **THREADS)

    def __post_init__(self) -> None:
        """Check every limit."""
        check(self)


KINDS = (Train, Reading, Profile, Effort, Evaluate)
BESIDE = {"source", "prepared", "of"}
"""What a run's file says that is no setting: all of it text."""


def resolved(settings: Train) -> Train:
    """Put what the model usually takes in the place of "auto": a run's settings are named and digested so.

    Raises:
        UsageError: a mechanism or an objective was given to a model that takes none.
    """
    name, _ = catalog.parse(settings.model)
    usual = {"attn": "linear" if form(name) else "", "objective": catalog.load("models", name).OBJECTIVE}
    given = {option: value for option in usual if (value := getattr(settings, option)) not in (AUTO, "")}
    for option in given:
        if not usual[option]:
            raise UsageError(f"model {name} takes no --{option}; leave it out.")
    return replace(settings, **usual | given)


def form(model: str) -> str:
    """Tell the form of mechanism that a model takes; "" where it takes none, because it is counted or has its own."""
    module = catalog.load("models", catalog.parse(model)[0])
    return (module.FORM or "") if getattr(module, "ATTN", True) else ""


def decided(settings: Any) -> Any:
    """Leave no "auto" in settings; where there is none, the model need not be known."""
    if AUTO in (getattr(settings, "attn", ""), getattr(settings, "objective", "")):
        settings = resolved(settings)
    # Until the data have told.
    undecided = [name for name in ("seen", "seen_items") if getattr(settings, name, "") == AUTO]
    return replace(settings, **dict.fromkeys(undecided, "remove")) if undecided else settings


def digest(settings: Any, without: Iterable[str] = ()) -> str:
    """Digest settings: 10 hexadecimal digits that change with any that counts, and with none that is neutral."""
    content = counting(decided(settings), without) | {"kind": settings.KIND}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]


def setup(settings: Train) -> str:
    """Digest what runs have in common that differ in mechanism, length and seed alone."""
    return digest(settings, OWN)


def same(one: Any, other: Any) -> bool:
    """Tell whether two settings give the same numbers, whatever their data or folder is called."""
    return digest(one) == digest(other)


def strange(mapping: Mapping[str, Any]) -> set[str]:
    """Name what a run's file says that this linrec knows nothing of: it may have altered the run's numbers."""
    known = {name for kind in KINDS for item, how in declared(kind) for name in (item.name, how.was)}
    return mapping.keys() - known - BESIDE


def options(spec: str) -> tuple[str, str]:
    """Split a spec into its name and the options as they stand in a row."""
    name, _, rest = spec.partition(":")
    if spec:
        catalog.parse(spec)
    return name, rest
