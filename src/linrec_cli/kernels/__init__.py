"""Fast forms of operations that have a plain one too."""
