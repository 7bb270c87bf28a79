"""Settings that belong together: a file a preset, whose `SETTINGS` are options of `linrec train` and their values.

What is given beside a preset, as a flag or in the environment, comes before it; `linrec.toml` comes after.
"""

MUST = {"SETTINGS": dict}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
