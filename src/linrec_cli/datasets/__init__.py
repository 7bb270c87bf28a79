"""Logs that are known by a name: a file a data set, with where its file comes from (`SOURCES`) and how it is read."""

from linrec_cli.data.download.source import Package, Source

MUST = {"SOURCES": tuple[Source | Package, ...], "LICENSE": str, "CITATION": str}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
