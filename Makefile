# Shorthands for work on linrec; CONTRIBUTING.md says when to use which.
.PHONY: setup test lint ci

setup:
	python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[dev]'

test:
	.venv/bin/python -m pytest

lint:
	.venv/bin/ruff check --fix . && .venv/bin/ruff format . && .venv/bin/mypy

ci:
	bash .ci/run
