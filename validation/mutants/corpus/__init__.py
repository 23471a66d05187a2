"""Wrong backward passes: each a rewrite of one place in our own. ``check`` must refuse every one of them.

They are the mistakes people make: a sign, a factor, a term left out, two names exchanged, the wrong saved value, a
path that only shows with batches, with reversed or squared arguments, or far from zero.
"""

from __future__ import annotations

from validation.mutants.corpus import bubble_sort, distributions, network_topk, networks
from validation.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*networks.MUTANTS, *bubble_sort.MUTANTS, *network_topk.MUTANTS, *distributions.MUTANTS)
