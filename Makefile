# Shorthands for work on linrec; CONTRIBUTING.md says when to use which.
.PHONY: setup test lint ci faults

setup:
	python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e '.[dev]'

test:
	.venv/bin/python -m pytest

lint:
	.venv/bin/ruff check --fix . && .venv/bin/ruff format . && .venv/bin/mypy

ci:
	bash .ci/run

faults:
	.venv/bin/python benchmarks/faults/signals.py --out results/reference/cpu/benchmarks/faults-signals.csv
	.venv/bin/python benchmarks/faults/kills.py --kills 10,train=40 --seconds 60 --out results/reference/cpu/benchmarks/faults-kills.csv
	.venv/bin/python benchmarks/faults/races.py --out results/reference/cpu/benchmarks/faults-races.csv
	.venv/bin/python benchmarks/faults/bits.py --out results/reference/cpu/benchmarks/faults-bits.csv
	.venv/bin/python benchmarks/faults/network.py --out results/reference/cpu/benchmarks/faults-network.csv
	.venv/bin/python benchmarks/faults/fuzz.py --inputs 100000 --seconds 600 --out results/reference/cpu/benchmarks/faults-fuzz.csv
	.venv/bin/python benchmarks/faults/disk.py --out results/reference/cpu/benchmarks/faults-disk.csv
