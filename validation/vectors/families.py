"""All definitions and all recipes, gathered from the families."""

from __future__ import annotations

from collections.abc import Callable

from validation.vectors import (
    definitions,
    definitions_bubble_sort,
    recipes_bubble_sort,
    recipes_distributions,
    recipes_sorting,
)
from validation.vectors.dual import Array
from validation.vectors.recipes import Recipe

DEFINITIONS: dict[str, Callable[..., tuple[Array, ...]]] = {
    name: function for module in (definitions, definitions_bubble_sort) for name, function in module.DEFINITIONS.items()
}
RECIPES: dict[str, list[Recipe]] = {
    name: cases
    for module in (recipes_distributions, recipes_sorting, recipes_bubble_sort)
    for name, cases in module.RECIPES.items()
}
