"""Wrong backward passes of soft_sort and soft_topk."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
SORT = of(
    "sorting.soft_sort",
    ("nothing to the sorted score", "gs[row, order[row, i]] -= back[row, i]  # (4)", "gs[row, order[row, i]] -= 0.0  # (4)"),
    ("sign of the sorted score", "gs[row, order[row, i]] -= back[row, i]  # (4)", "gs[row, order[row, i]] += back[row, i]  # (4)"),
    ("left in sorted order", "gs[row, order[row, i]] -= back[row, i]  # (4)", "gs[row, i] -= back[row, i]  # (4)"),
    ("through the inverse permutation", "gs[row, order[row, i]] -= back[row, i]  # (4)",
     "gs[row, i] -= back[row, order[row, i]]  # (4)"),
    ("nothing to the columns", "pull[row, group, j] += e[j]  # (3)", "pull[row, group, j] += 0.0"),
    ("sign of the columns", "pull[row, group, j] += e[j]  # (3)", "pull[row, group, j] -= e[j]"),
    ("the factor of power 2", "(power / unit[row] if power > 1.0 else 1.0)", "(1.0 / unit[row] if power > 1.0 else 1.0)"),
    ("|D|^(power - 1) left out", "slope(at - s[row, j], squared, tied)", "slope(at - s[row, j], False, tied)"),
    ("|D|^(power - 1) with power 1 too", "slope(at - s[row, j], squared, tied)", "slope(at - s[row, j], True, tied)"),
    ("distance without its sign", "slope(at - s[row, j], squared, tied)", "abs(slope(at - s[row, j], squared, tied))"),
    ("not divided by tau", "gs[row, j] = bounded(gs[row, j] / tau[row] *", "gs[row, j] = bounded(gs[row, j] *"),
    ("times tau", "gs[row, j] = bounded(gs[row, j] / tau[row] *", "gs[row, j] = bounded(gs[row, j] * tau[row] *"),
    ("divided by tau twice", "gs[row, j] = bounded(gs[row, j] / tau[row] *", "gs[row, j] = bounded(gs[row, j] / tau[row] / tau[row] *"),
    ("softmax without the row sum", "(gp[row, i, j] - r)  # (1)", "gp[row, i, j]  # (1)"),
    ("row sum of the cotangent alone", "r, at = against(below, above, f, inverse_f, gp, row, m), top[row, m]",
     "r, at = gp[row, m].mean(), top[row, m]"),
    ("row sum added", "(gp[row, i, j] - r)  # (1)", "(gp[row, i, j] + r)  # (1)"),
    ("weights for probabilities", "factors(below, above, order[row, m], inverse[row, m])", "factors(below, above, order[row, m], 1.0)"),
    ("rows for columns", "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(batch, k, n)",
     "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(batch, k, n).transpose(0, 2, 1)"),
    ("rows in ascending order", "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(batch, k, n)",
     "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(batch, k, n)[:, ::-1]"),
    ("tau's path left out", "gtau[row] = bounded(found /", "gtau[row] = 0.0 * bounded(found /"),
    ("sign of tau", "gtau[row] = bounded(found /", "gtau[row] = bounded(-found /"),
    ("tau divided out once", "widened(tau[row], unit[row], power) / tau[row])  # (5)", "widened(tau[row], unit[row], power))  # (5)"),
    ("power in the gradient of tau", "gtau[row] = bounded(found /", "gtau[row] = bounded(power * found /"),
    ("tau of the first batch row", "/ tau[row] / widened(", "/ tau[0] / widened("),
    ("off by 1e-9", "(gp[row, i, j] - r)  # (1)", "(gp[row, i, j] - (1.0 + 1e-9) * r)  # (1)"),
)
CALL = "return rows_backward(gate, residuals, gp)"
WHOLE = "rows_backward(gate, residuals, gp)"
TOPK = of(
    "topk.soft_topk",
    ("sign", CALL, f"return Gradients(*(-g for g in {WHOLE}))"),
    ("divided by k", CALL, f"return Gradients(*(g / residuals.top.shape[1] for g in {WHOLE}))"),
    ("rows in ascending order", CALL, "return rows_backward(gate, residuals, gp[..., ::-1, :])"),
    ("columns reversed", CALL, "return rows_backward(gate, residuals, gp[..., ::-1])"),
    ("the last row left out", CALL, "gp = gp.copy(); gp[..., -1, :] = 0.0; return rows_backward(gate, residuals, gp)"),
    ("one cotangent for all rows", CALL,
     "gp = gp * 0.0 + gp.mean(axis=-2, keepdims=True); return rows_backward(gate, residuals, gp)"),
    ("sorted scores exchanged", CALL,
     "residuals = residuals._replace(order=residuals.order[:, ::-1].copy()); return rows_backward(gate, residuals, gp)"),
    ("through the inverse permutation", CALL,
     "residuals = residuals._replace(order=residuals.order.argsort(axis=-1)); return rows_backward(gate, residuals, gp)"),
    ("power 1 for both", CALL, "return rows_backward(gate, residuals._replace(power=1), gp)"),
    ("power 2 for both", CALL, "return rows_backward(gate, residuals._replace(power=2), gp)"),
    ("tau doubled", CALL, "return rows_backward(gate, residuals._replace(tau=2.0 * residuals.tau), gp)"),
    ("gradient of tau left out", CALL, f"return {WHOLE}._replace(tau=0.0 * {WHOLE}.tau)"),
    ("sign of tau", CALL, f"return {WHOLE}._replace(tau=-{WHOLE}.tau)"),
    ("rows not normalised", CALL,
     "return rows_backward(gate, residuals._replace(inverse=residuals.inverse * 0.0 + 1.0), gp)"),
    ("normalised by the first row", CALL,
     "return rows_backward(gate, residuals._replace(inverse=residuals.inverse * 0.0 + residuals.inverse[:, :1]), gp)"),
)
# fmt: on
MUTANTS = (*SORT, *TOPK)
