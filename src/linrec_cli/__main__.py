"""Run the command line with `python -m linrec_cli`."""

from linrec_cli.cli import main

main()
