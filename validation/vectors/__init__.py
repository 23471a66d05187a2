"""Golden vectors: how they are made. ``python -m validation.vectors`` writes ``refimpl/vectors``; ``--check`` compares."""
