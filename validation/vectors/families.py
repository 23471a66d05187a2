"""All definitions and all recipes, gathered from the families."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from validation.vectors import (
    definitions,
    definitions_bubble_permutation,
    definitions_bubble_sort,
    definitions_fast,
    definitions_network_topk,
    definitions_neural,
    definitions_permutation_losses,
    definitions_sinkhorn,
    definitions_soft,
    definitions_soft_values,
    definitions_topk_losses,
    recipes_bubble_permutation,
    recipes_bubble_sort,
    recipes_distributions,
    recipes_fast,
    recipes_network_topk,
    recipes_neural,
    recipes_permutation_losses,
    recipes_sinkhorn,
    recipes_soft,
    recipes_soft_values,
    recipes_sorting,
    recipes_topk_losses,
)
from validation.vectors.dual import Array
from validation.vectors.recipes import Recipe

DEFINING: tuple[ModuleType, ...] = (
    definitions,
    definitions_bubble_permutation,
    definitions_bubble_sort,
    definitions_fast,
    definitions_network_topk,
    definitions_neural,
    definitions_permutation_losses,
    definitions_sinkhorn,
    definitions_soft,
    definitions_soft_values,
    definitions_topk_losses,
)
LISTING: tuple[ModuleType, ...] = (
    recipes_bubble_permutation,
    recipes_bubble_sort,
    recipes_distributions,
    recipes_fast,
    recipes_network_topk,
    recipes_neural,
    recipes_permutation_losses,
    recipes_sinkhorn,
    recipes_soft,
    recipes_soft_values,
    recipes_sorting,
    recipes_topk_losses,
)

DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    name: function for module in DEFINING for name, function in module.DEFINITIONS.items()
}
RECIPES: dict[str, list[Recipe]] = {name: cases for module in LISTING for name, cases in module.RECIPES.items()}
