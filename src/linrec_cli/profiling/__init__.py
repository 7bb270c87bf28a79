"""How the numbers of a profile are made.

`bench.run` measures every cell: its memory, kernel and work in a process of their own (`footprint`, in which `memory`,
`kernel` and `tally` look), then its time, the mechanisms taking turns (`interleave`, in which `clock` looks). What a
cell runs is built by its phase.
"""
