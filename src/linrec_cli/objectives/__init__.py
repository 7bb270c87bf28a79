"""What a model is trained to predict, and from what: a file an objective.

`FORMS` lists the forms of model it may train without showing a target to its own prediction; `MASKED` says whether
the model must know a hidden item. `windows(begin [U], events [U], maxlen, generator)` cuts the training parts, `events`
long from `begin` on, into windows: start `[W]` and length `[W]`, on the CPU. `targets(window, generator, **options)`
makes the batch of some of them.
"""

from collections.abc import Callable

MUST = {"FORMS": tuple[str, ...], "MASKED": bool, "windows": Callable, "targets": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
