"""Wrong backward passes of fast_sort and fast_rank."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
REDETECTED = """    starts, blocks = starts.copy(), blocks.copy()
    for row in range(x.shape[0]):
        edges = [0, *(np.flatnonzero(np.abs(np.diff(x[row])) > 1e-9) + 1), x.shape[1]]
        starts[row, : len(edges)], blocks[row] = edges, len(edges) - 1
"""

SORT = of(
    "sorting.fast_sort",
    ("kl: softmax of the ladder for that of the values (fast-soft-sort)", "gtheta[row, order[row, k]] = weight[k] * total  # (2) (3)", "gtheta[row, order[row, k]] = np.exp((first - k) * step) / np.exp(-np.arange(size) * step).sum() * plain_sum(g, first, last)"),
    ("kl: softmax of the values times eps", "weights_sum(x, row, 1.0, weight, first, last)", "weights_sum(x, row, eps[row], weight, first, last)"),
    ("kl: uniform weights, as for l2", "gtheta[row, order[row, k]] = weight[k] * total  # (2) (3)", "gtheta[row, order[row, k]] = plain_sum(g, first, last) / size"),
    ("kl: weights not normalised", "total /= weights_sum(x, row, 1.0, weight, first, last)", "weights_sum(x, row, 1.0, weight, first, last)"),
    ("blocks found again with an absolute 1e-9", "    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)\n", REDETECTED + "    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)\n"),
    ("no blocks: the hard sort's gradient", "if last - first == 1 and not lost:\n                gtheta[row, order[row, first]] = g[first]  # (2) (3)\n                continue", "for k in range(first, last):\n                gtheta[row, order[row, k]] = g[k]\n            if True:\n                continue"),
    ("mean of the values for mean of the cotangent", "share = total / size + 0.0 * x[row, first]", "share = x[row, first:last].mean()"),
    ("sum for mean", "share = total / size + 0.0 * x[row, first]", "share = total + 0.0 * x[row, first]"),
    ("mean over the row", "share = total / size + 0.0 * x[row, first]", "share = total / x.shape[1]"),
    ("sign of theta", "share = total / size + 0.0 * x[row, first]", "share = -total / size"),
    ("kl: sign of theta", "gtheta[row, order[row, k]] = weight[k] * total  # (2) (3)", "gtheta[row, order[row, k]] = -weight[k] * total"),
    ("scattered through the inverse permutation", "x, order, starts, blocks, scale, eps, regularization == \"kl\", gy, weight", "x, np.argsort(order, axis=-1), starts, blocks, scale, eps, regularization == \"kl\", gy, weight"),
    ("left in sorted order", "x, order, starts, blocks, scale, eps, regularization == \"kl\", gy, weight", "x, np.sort(order, axis=-1), starts, blocks, scale, eps, regularization == \"kl\", gy, weight"),
    ("first position of a block left out", "total = plain_sum(g, first, last)  # (1)", "total = plain_sum(g, first + 1, last)"),
    ("block one position too long", "total = plain_sum(g, first, last)  # (1)", "total = plain_sum(g, first, min(last + 1, x.shape[1]))"),
    ("cotangent of the first batch row", "by_eps, g, step = 0.0, gy[row], steep(eps[row])", "by_eps, g, step = 0.0, gy[0], steep(eps[row])"),
    ("sign of eps", "g[k] * ((k - first) - middle)", "g[k] * (middle - (k - first))"),
    ("eps divided out once", "by_eps / eps[row] / eps[row]", "by_eps / eps[row]"),
    ("eps not divided out", "by_eps / eps[row] / eps[row]", "by_eps"),
    ("eps's path left out", "by_eps / eps[row] / eps[row]", "0.0"),
    ("eps: positions counted from the row's start", "g[k] * ((k - first) - middle)", "g[k] * (k - middle)"),
    ("kl: the ladder's mean for its weighted mean", "middle -= 0.5 * (size * width_slope(0.5 * step * size) - width_slope(0.5 * step))", "middle -= 0.0"),
    ("kl: sign of the ladder's weighted mean", "middle -= 0.5 * (size", "middle += 0.5 * (size"),
    ("eps's gradient averaged", "return gradients(residuals, gtheta, geps)", "return gradients(residuals, gtheta, geps / max(1, geps.size))"),
    ("off by 1e-9", "return gradients(residuals, gtheta, geps)", "return gradients(residuals, (1.0 + 1e-9) * gtheta, geps)"),
)

RANK = of(
    "sorting.fast_rank",
    ("kl: the factor r left out", "g[k] = share * weight[k] * (g[k] - mean)  # (2)", "g[k] = g[k] - mean"),
    ("kl: softmax for r", "g[k] = share * weight[k] * (g[k] - mean)  # (2)", "g[k] = weight[k] / total * (g[k] - mean)"),
    ("kl: mean of the cotangent for its weighted mean", "mean = product_sum(g, weight, first, last) / total  # (2)", "mean = plain_sum(g, first, last) / size"),
    ("kl: softmax of the ranks for that of the values", "mean = product_sum(g, weight, first, last) / total  # (2)", "mean = (g[first:last] * np.arange(n - first, n - last, -1)).sum() / np.arange(n - first, n - last, -1).sum()"),
    ("kl: softmax of values not divided by eps", "total = weights_sum(x, row, unit, weight, first, last)\n            ", "total = weights_sum(x, row, 1.0, weight, first, last)\n            "),
    ("kl: second term left out", "g[k] = share * weight[k] * (g[k] - mean)  # (2)", "g[k] = share * weight[k] * g[k]"),
    ("blocks found again with an absolute 1e-9", "    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)\n", REDETECTED + "    gtheta, geps = empty(x.shape, dtype), empty(eps.shape)\n"),
    ("mean of the values for mean of the cotangent", "mean = plain_sum(g, first, last) / size", "mean = x[row, first:last].mean()"),
    ("mean over the row", "mean = plain_sum(g, first, last) / size", "mean = plain_sum(g, first, last) / n"),
    ("mean not taken off", "g[k] = g[k] - mean  # (1)", "g[k] = g[k]"),
    ("averaged, as in a sort", "g[k] = g[k] - mean  # (1)", "g[k] = mean"),
    ("sign", "gtheta[row, order[row, k]] = -g[k] / eps[row]", "gtheta[row, order[row, k]] = g[k] / eps[row]"),
    ("eps not divided out", "gtheta[row, order[row, k]] = -g[k] / eps[row]", "gtheta[row, order[row, k]] = -g[k]"),
    ("eps multiplied", "gtheta[row, order[row, k]] = -g[k] / eps[row]", "gtheta[row, order[row, k]] = -g[k] * eps[row]"),
    ("scattered through the inverse permutation", "gtheta[row, order[row, k]] = -g[k] / eps[row]", "gtheta[row, np.argsort(order[row])[k]] = -g[k] / eps[row]"),
    ("left in sorted order", "gtheta[row, order[row, k]] = -g[k] / eps[row]", "gtheta[row, k] = -g[k] / eps[row]"),
    ("cotangent read in sorted order", "g[k] = gr[row, order[row, k]]", "g[k] = gr[row, k]"),
    ("block's last position left out", "first, last = starts[row, block], starts[row, block + 1]\n            if last - first == 1:", "first, last = starts[row, block], max(starts[row, block] + 1, starts[row, block + 1] - 1)\n            if last - first == 1:"),
    ("single positions move", "gtheta[row, order[row, first]] = 0.0 * scale[row]\n                continue", "gtheta[row, order[row, first]] = -gr[row, order[row, first]] / eps[row]\n                continue"),
    ("sign of eps", "geps[row] = by_eps / eps[row]", "geps[row] = -by_eps / eps[row]"),
    ("eps divided out once too few", "geps[row] = by_eps / eps[row]", "geps[row] = by_eps"),
    ("eps's path left out", "geps[row] = by_eps / eps[row]", "geps[row] = 0.0"),
    ("eps: the last block alone", "by_eps += g[k] * ((x[row, k] - base) / unit)", "by_eps = g[k] * ((x[row, k] - base) / unit)"),
    ("eps's gradient averaged", "return gradients(residuals, gtheta, geps)", "return gradients(residuals, gtheta, geps / max(1, geps.size))"),
    ("off by 1e-9", "return gradients(residuals, gtheta, geps)", "return gradients(residuals, (1.0 + 1e-9) * gtheta, geps)"),
)
# fmt: on

MUTANTS = (*SORT, *RANK)
