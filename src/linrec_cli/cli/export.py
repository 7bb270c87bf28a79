"""`linrec export`: a finished run as a folder that is served without linrec."""

from pathlib import Path
from typing import Annotated

import typer

from linrec_cli.cli import console
from linrec_cli.cli.options import DATASETS, OUTPUT, RESULTS, DataDir, Json, ResultsDir, option

HELP = """Export a finished run to a folder.

[bold]linrec export RUN[/bold]
[bold]linrec export RUN -o served --format onnx[/bold]

The folder has the weights, the items with their numbers, a graph from histories to the scores of all items (torch: a \
program of torch.export; onnx; safetensors: the weights alone), and card.json, which says what each is and how to feed \
it. The graph is run on histories of the data, and must score them as the run does.
"""


def command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run: its folder, its name, or a part of it.")],
    output: Annotated[
        Path | None, option(OUTPUT, "The folder; without it, exports/<run> in that of the results.", "-o", "--output")
    ] = None,
    form: Annotated[str, option(OUTPUT, "torch, onnx or safetensors.", "--format")] = "torch",
    as_json: Json = False,
    data_dir: DataDir = DATASETS,
    results_dir: ResultsDir = RESULTS,
) -> None:
    """Export, and say what was made."""
    from linrec_cli.runs.export import export
    from linrec_cli.runs.find import find

    found = find(run, results_dir, trained=True)
    folder = output or results_dir / "exports" / found.resolve().name
    card = export(found, folder, form, data_dir=data_dir, report=console.say)
    if as_json:
        console.document(card | {"folder": str(folder)})
        return
    console.line(str(folder))
    if graph := card.get("graph"):
        near = f"at most {graph['max_abs_difference']:.1g} from the run's scores"
        console.say(f"{graph['file']}: {near} on {graph['checked_histories']} histories. {graph['limits']}")
