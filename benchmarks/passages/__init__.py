"""What the documents say in figures, made from committed results: a function a passage, `module.function` its mark.

A module whose name begins with `_` is shared code. A passage without its numbers is empty or says so; it never fails.
"""
