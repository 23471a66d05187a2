"""What the papers print and a CPU can reproduce: printed value beside ours, one file per table or theorem."""

from __future__ import annotations

from collections.abc import Callable

from validation.papers import (
    appendix_c,
    figure_3_6,
    jacobian,
    layers,
    section_3_4,
    sheet,
    table_3_1,
    table_3_2,
    table_3_5,
    table_3_8,
    theorem_3_5,
    theorem_3_7,
    topk_rows,
)
from validation.papers.row import Row

TABLES: dict[str, Callable[[], list[Row]]] = {
    "Table 3.1: the sigmoids": table_3_1.rows,
    "Table 3.2: monotone and error-bounded": table_3_2.rows,
    "Theorem 3.5: the error of a network": theorem_3_5.rows,
    "Theorem 3.7: the optimal sigmoid": theorem_3_7.rows,
    "Section 3.4: two values": section_3_4.rows,
    "Figure 3.6: the loss over the permutahedron": figure_3_6.rows,
    "Doubly stochastic Jacobians": jacobian.rows,
    "Appendix C: slopes of the relaxed minimum": appendix_c.rows,
    "Sections 3.2.2, 4.2.1, table 3.9: layers": layers.rows,
    "Section 4: top-k rows and losses": topk_rows.rows,
    "Table 3.5: means": table_3_5.rows,
    "Table 3.8: multiples of pi": table_3_8.rows,
    "Golden values of the equation sheet": sheet.rows,
}
