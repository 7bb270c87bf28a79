"""What a phase says of itself: its module's capitals, each with a neutral value for what it does not say."""

from collections.abc import Callable, Generator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog

if TYPE_CHECKING:
    from linrec_cli.profiling.cell import Cell
    from linrec_cli.profiling.work import Work


@dataclass(frozen=True)
class Phase:
    """What a phase says of itself.

    Attributes:
        title: the heading of its figure; `{model}` stands for the model's name.
        help: a few words for the command line.
        build: makes what a child runs.
        measure: the task of the one child that measures all there is, where a phase is not measured as others are.
        order: where it is shown among others; equals come by name.
        part_of: the phase that it is a span of: it is measured with that one, and may be asked for alone.
        model: it is of a whole model, not of the attention layer alone.
        keeps: its forward pass keeps something for its backward pass, so that it needs a model with gradients.
        trains: it is training, and its rows name an objective and a loss.
        users: its batch is so many users, and users a second are told.
        ways: its spans are ways to do the same, told apart by `stage`, not parts of one run.
        slopes: its cost is one of a length, and slopes and crossovers say something.
        dtypes: all that it runs in, where that is not for the user to say.
        left_out: columns of a printed line that it has no room for.
    """

    name: str
    title: str
    help: str
    build: "Callable[[Cell], Work]"
    measure: Callable[..., Generator[Any, Any, None]] | None = None
    order: int = 100
    part_of: str = ""
    model: bool = False
    keeps: bool = False
    trains: bool = False
    users: bool = False
    ways: bool = False
    slopes: bool = True
    dtypes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Name the phases that are spans of it, in their order."""
        return tuple(one.name for one in phases() if one.part_of == self.name)


@cache
def phase(name: str) -> Phase:
    """Read the phase of a name.

    Raises:
        UsageError: there is none.
        TypeError: it lacks what every phase must have.
    """
    module = catalog.load("phases", name)
    own = fields(Phase)[1:]
    written: dict[str, Any] = {fact.name: getattr(module, spelled(fact.name), fact.default) for fact in own}
    lacking = [spelled(key) for key, value in written.items() if value is MISSING]
    if lacking:
        raise TypeError(f"{module.__name__} lacks {', '.join(lacking)}.")
    return Phase(name, **written)


def spelled(fact: str) -> str:
    """Spell a fact as a module does: in capitals, but a function as it is."""
    return fact if fact in ("build", "measure") else fact.upper()


@cache
def phases() -> tuple[Phase, ...]:
    """Read every phase that can be, in the order they are shown."""
    return tuple(sorted(map(phase, catalog.sound("phases")), key=lambda one: (one.order, one.name)))
