"""Wrong backward passes: each a rewrite of one place in our own. ``check`` must refuse every one of them.

They are the mistakes people make: a sign, a factor, a term left out, two names exchanged, the wrong saved value, a
path that only shows with batches, with reversed or squared arguments, or far from zero.
"""

from __future__ import annotations

from validation.mutants.corpus import (
    bubble_permutation,
    bubble_sort,
    distributions,
    fast,
    network_topk,
    networks,
    neural,
    permutation_losses,
    sinkhorn,
    soft,
    soft_values,
    topk_losses,
)
from validation.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *bubble_permutation.MUTANTS,
    *bubble_sort.MUTANTS,
    *distributions.MUTANTS,
    *fast.MUTANTS,
    *network_topk.MUTANTS,
    *networks.MUTANTS,
    *neural.MUTANTS,
    *permutation_losses.MUTANTS,
    *sinkhorn.MUTANTS,
    *soft.MUTANTS,
    *soft_values.MUTANTS,
    *topk_losses.MUTANTS,
)
