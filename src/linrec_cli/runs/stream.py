"""What a trained run recommends after each event of a stream, at a cost that does not grow with the history."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog
from linrec_cli.errors import UsageError
from linrec_cli.runs.recommend import Served, closest

if TYPE_CHECKING:
    from torch import Tensor

    from linrec_cli.data.sequences import Sequences


@dataclass(frozen=True)
class Answer:
    """What is recommended after a line.

    Attributes:
        line: its number, from 1.
        user: as it was given.
        items: raw ids, best first; none where nothing of the user is known.
        error: why the line's event was not taken; the answer is then that of the events before it.
    """

    line: int
    user: str
    items: list[Any]
    scores: list[float]
    error: str = ""


@dataclass
class User:
    """What is kept of a user: two windows of the newest events, half a window apart, and the items that were had.

    Attributes:
        windows: the state of each and the events in it; the first answers.
        hidden: `[I]`, True where an item was had; None where such items are ranked.
        query: what the user is ranked by, `[1, C]`; None before the first event.
    """

    windows: list[tuple[Any, int]]
    hidden: "Tensor | None"
    query: "Tensor | None" = None


@dataclass
class Stream:
    """Histories that grow event by event.

    A window has room for `maxlen` events, as many as the model has positions for. When the first is full, the second,
    which has read the newest half of them, takes its place; the next second one is begun once the first is half full.
    So the answer after an event is what the model says of the newest `m` events, `maxlen / 2 < m <= maxlen`, or of the
    whole history while that is shorter.
    """

    served: Served
    k: int = 10
    users: dict[str, User] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look ids up.

        Raises:
            UsageError: the model, or the mechanism in it, cannot read events one by one.
        """
        settings, prepared = self.served.found.settings, self.served.data.prepared
        self.model, self.maxlen = self.served.found.model.eval(), settings.maxlen
        if not hasattr(self.model, "step"):
            name = catalog.parse(settings.model)[0]
            raise UsageError(f"model '{name}' cannot read events one by one; those that can: {streaming()}.")
        self.model.start(1)
        self.device = next(iter(self.model.state_dict().values())).device
        self.raw = prepared.items["raw"].to_list()
        self.numbers = {str(raw): number for number, raw in enumerate(self.raw, 1)}
        self.rows = {str(raw): row for row, raw in enumerate(prepared.users["raw"])}

    def answers(self, lines: Iterable[str]) -> Iterator[Answer]:
        """Answer each line, `user item` with a tab or blanks between, as soon as it is read."""
        for number, line in enumerate(lines, 1):
            text = line.rstrip("\r\n")
            parts = [part.strip() for part in (text.split("\t") if "\t" in text else text.split())]
            if len(parts) == 2 and all(parts):
                yield self.answer(number, *parts)
            else:
                yield Answer(number, "", [], [], f"'{text.strip()}' is not a user and an item")

    def answer(self, number: int, user: str, item: str) -> Answer:
        """Take one event, and recommend after it; of an unknown item, after the events before it."""
        import torch

        from linrec_cli.evaluation.ranks import finite

        known = self.numbers.get(item)
        error = "" if known else f"no item '{item}' in the data of the run{closest(item, self.numbers)}"
        with torch.inference_mode():
            state = self.of(user) if known or user in self.users or user in self.rows else None
            if state and known:
                self.take(state, known)
            if state is None or state.query is None:
                return Answer(number, user, [], [], error)
            scores = finite(self.model.scores(state.query))[0]
            if state.hidden is not None:
                scores = scores.masked_fill(state.hidden, -torch.inf)
            best = scores.topk(min(self.k, len(scores)))
        found = [pair for pair in zip(best.indices.tolist(), best.values.tolist(), strict=True) if pair[1] > -torch.inf]
        return Answer(number, user, [self.raw[place] for place, _ in found], [score for _, score in found], error)

    def of(self, name: str) -> User:
        """Give what is kept of a user; at first the user's history in the data, if there is one, is read."""
        import torch

        if name not in self.users:
            sequences, row = self.served.data.sequences, self.rows.get(name)
            removed = self.served.seen == "remove"
            hidden = torch.zeros(sequences.count, dtype=torch.bool, device=self.device) if removed else None
            user = User([(self.model.start(1), 0), (self.model.start(1), 0)], hidden)
            if row is not None:
                self.read(user, sequences, row)
            self.users[name] = user
        return self.users[name]

    def read(self, user: User, sequences: "Sequences", row: int) -> None:
        """Read the history that a user has in the data, to where all of its events one by one would have led."""
        history = sequences.flat[sequences.offsets[row] : sequences.offsets[row + 1]]
        for event in history[len(history) - read_of(len(history), self.maxlen) :].tolist():
            self.take(user, event)
        if user.hidden is not None:
            user.hidden[history.to(self.device) - 1] = True

    def take(self, user: User, item: int) -> None:
        """Take one event into the windows of a user."""
        import torch

        event, ((first, count), (second, behind)) = torch.tensor([item], device=self.device), user.windows
        user.query, first = self.model.step(event, first)
        if count >= self.maxlen - self.maxlen // 2:
            _, second = self.model.step(event, second)
            behind += 1
        user.windows = [(first, count + 1), (second, behind)]
        if count + 1 == self.maxlen:
            user.windows = [(second, behind), (self.model.start(1), 0)]
        if user.hidden is not None:
            user.hidden[item - 1] = True

    def size(self) -> int:
        """Count the bytes kept of all users."""
        return sum(
            sum(map(bytes_of, (user.query, user.hidden, *(state for state, _ in user.windows))))
            for user in self.users.values()
        )


def read_of(events: int, maxlen: int) -> int:
    """Count the newest events that the answer after so many is from."""
    half = maxlen // 2
    return events if events <= maxlen else half + 1 + (events - maxlen - 1) % (maxlen - half)


def bytes_of(kept: Any) -> int:
    """Count the bytes of all tensors within tuples and lists."""
    if isinstance(kept, tuple | list):
        return sum(map(bytes_of, kept))
    return int(getattr(kept, "nbytes", 0))


def streaming() -> str:
    """Name the models that read events one by one."""
    return ", ".join(name for name, module in catalog.sound("models").items() if hasattr(module.Model, "step"))
