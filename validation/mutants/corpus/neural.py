"""Wrong backward passes of NeuralSort and of its first rows."""

from __future__ import annotations

from validation.mutants.mutant import of

Z = "z = p[at, j] * ((gp[row, i, j] - anchor) - centre)  # (1)"

# fmt: off
SORT = of(
    "sorting.neural_sort",
    ("tau not divided in the gradient of s", "return gradients(residuals, gs, gtau)", "return gradients(residuals, gs * (1.0 / (residuals.units * residuals.scale * residuals.per_tau))[:, None], gtau)"),
    ("B's path left out", "gs[row, j] = np.nan if missing else scores[unit, j] - gs[row, j]", "gs[row, j] = np.nan if missing else scores[unit, j]"),
    ("B's path of the score itself left out", "scores[unit, j] += (weight - c[j]) * z", "scores[unit, j] += weight * z"),
    ("sign of B's path", "scores[unit, j] - gs[row, j]  # (4)", "scores[unit, j] + gs[row, j]  # (4)"),
    ("sign(0) treated as +1", "balance(t, order, row, ones, balanced)", "balanced[:] = [sum(1.0 if t[row, q] <= c else -1.0 for q in range(n)) for c in s[row]]"),
    ("sign(0) treated as -1 across scores", "balance(t, order, row, columns[unit], gs[row])", "gs[row, order[row]] = [sum((1.0 if t[row, q] > t[row, m] else -1.0) * columns[unit, order[row, m]] for m in range(n)) for q in range(n)]"),
    ("ties counted in the order of the sort", "balance(t, order, row, ones, balanced)", "balanced[order[row]] = float(n) - 1.0 - 2.0 * np.arange(float(n))"),
    ("scaling n + 1 - 2i off by one", "weight = float(n) - 1.0 - 2.0 * float(i)", "weight = float(n) + 1.0 - 2.0 * float(i)"),
    ("scaling ascending", "weight = float(n) - 1.0 - 2.0 * float(i)", "weight = 2.0 * float(i) - float(n) + 1.0"),
    ("softmax backward without the row sum", Z, "z = p[at, j] * gp[row, i, j]  # (1)"),
    ("row sum without P", "found += p[at, j] * (gp[row, i, j] - anchor)", "found += (gp[row, i, j] - anchor) / p.shape[1]"),
    ("normalised over columns", Z, "z = p[at, j] * (gp[row, i, j] - np.mean(gp[row, :, j]))  # (1)"),
    ("P left out of the softmax", Z, "z = (gp[row, i, j] - anchor) - centre  # (1)"),
    ("gradient of tau missing", "times[unit] += along(below, x, at)", "times[unit] += 0.0"),
    ("sign of tau", "times[unit] += along(below, x, at)", "times[unit] -= along(below, x, at)"),
    ("tau of the last row only", "times[unit] += along(below, x, at)", "times[unit] = along(below, x, at)"),
    ("tau through 1 / tau", "return gradients(residuals, gs, gtau)", "return gradients(residuals, gs, -gtau / (residuals.units * residuals.scale * residuals.per_tau))"),
    ("cotangent transposed", "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(count, k, n)", "gp = np.ascontiguousarray(np.swapaxes(gp, -1, -2)).reshape(count, k, n)"),
    ("cotangent rows ascending", "gp = gate.cotangent(gp, (*residuals.shapes[0][:-1], k, n)).reshape(count, k, n)", "gp = np.ascontiguousarray(np.reshape(gp, (count, k, n))[:, ::-1])"),
    ("gradient in sorted order", "return gradients(residuals, gs, gtau)", "return gradients(residuals, np.take_along_axis(gs, residuals.order, -1), gtau)"),
    ("off by 1e-6", "scores[unit, j] += (weight - c[j]) * z", "scores[unit, j] += (1.0 + 1e-6) * (weight - c[j]) * z"),
    ("first batch row's cotangent", "centre = mean(below, at, gp, row, i, anchor)", "centre = mean(below, at, gp, 0, i, anchor)"),
    ("float32 sums", "times, gs, gtau = empty(count * groups), empty((count, n)), empty(count)", "times, gs, gtau = empty(count * groups), empty((count, n), np.float32), empty(count)"),
)

PULL = "return rows_backward(gate, residuals, gp)"
TOP = of(
    "topk.neural_topk",
    ("last row forgotten", PULL, "return rows_backward(gate, residuals, np.where(np.arange(gp.shape[-2])[:, None] == gp.shape[-2] - 1, 0.0, gp))"),
    ("first row only", PULL, "return rows_backward(gate, residuals, np.where(np.arange(gp.shape[-2])[:, None] == 0, gp, 0.0))"),
    ("rows ascending", PULL, "return rows_backward(gate, residuals, gp[..., ::-1, :])"),
    ("one cotangent for all rows", PULL, "return rows_backward(gate, residuals, np.broadcast_to(gp.mean(-2, keepdims=True), gp.shape).copy())"),
    ("divided by k", PULL, "return rows_backward(gate, residuals, gp / gp.shape[-2])"),
    ("sign", PULL, "return rows_backward(gate, residuals, -gp)"),
    ("off by 1e-6", PULL, "return rows_backward(gate, residuals, (1.0 + 1e-6) * gp)"),
    ("cotangent clipped to [-1, 1]", PULL, "return rows_backward(gate, residuals, np.clip(gp, -1.0, 1.0))"),
    ("absolute cotangent", PULL, "return rows_backward(gate, residuals, np.abs(gp))"),
    ("straight through", PULL, "return Gradients(s=gp.sum(-2), tau=rows_backward(gate, residuals, gp).tau)"),
    ("tau not divided in the gradient of s", PULL, "return rows_backward(gate, residuals, gp)._replace(s=(np.reshape(rows_backward(gate, residuals, gp).s, residuals.s.shape) / (residuals.units * residuals.scale * residuals.per_tau)[:, None]).reshape(residuals.shapes[0]))"),
    ("gradient of tau missing", PULL, "return rows_backward(gate, residuals, gp)._replace(tau=np.zeros(residuals.shapes[1]))"),
    ("sign of tau", PULL, "return rows_backward(gate, residuals, gp)._replace(tau=-rows_backward(gate, residuals, gp).tau)"),
    ("sum of gradients not 0: mean added", PULL, "return rows_backward(gate, residuals, gp)._replace(s=rows_backward(gate, residuals, gp).s + gp.mean())"),
    ("gradient in sorted order", PULL, "return rows_backward(gate, residuals, gp)._replace(s=np.take_along_axis(np.reshape(rows_backward(gate, residuals, gp).s, residuals.s.shape), residuals.order, -1).reshape(residuals.shapes[0]))"),
)
# fmt: on

MUTANTS = (*SORT, *TOP)
