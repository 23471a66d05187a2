"""Wrong backward passes of the bubble operators and of the medians."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
PERMUTATION = of(
    "sorting.bubble_permutation",
    ("cotangent transposed", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals, gp.swapaxes(-1, -2).copy())"),
    ("cotangent's rows reversed", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals, gp[..., ::-1, :].copy())"),
    ("key path left out", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(slope=0.0 * residuals.slope), gp)"),
    ("slope doubled", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(slope=2.0 * residuals.slope), gp)"),
    ("slope off by 1e-6", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(slope=(1.0 + 1e-6) * residuals.slope), gp)"),
    ("e and 1 - e exchanged", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(alpha=residuals.abar, abar=residuals.alpha), gp)"),
    ("distance for difference", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(d=abs(residuals.d)), gp)"),
    ("keys held fixed between rounds", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals._replace(d=0.0 * residuals.d), gp)"),
    ("cotangent divided by n", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals, gp / gp.shape[-1])"),
    ("only the diagonal", "pulled = pull_matrix(residuals, gp)", "import numpy as np; pulled = pull_matrix(residuals, gp * np.eye(gp.shape[-1]))"),
    ("absolute cotangent", "pulled = pull_matrix(residuals, gp)", "pulled = pull_matrix(residuals, abs(gp))"),
    ("steepness path missing", "steepness=pulled.beta", "steepness=0.0 * pulled.beta"),
    ("sign of the steepness path", "steepness=pulled.beta", "steepness=-pulled.beta"),
    ("steps off by one", "pulled = pull_matrix(residuals, gp)",
     "k = residuals.network.first.size - residuals.network.wires // 2; c = max(0, k); import numpy as np; cut = residuals._replace(slope=np.where(np.arange(residuals.slope.shape[1]) < c, residuals.slope, 0.0)); pulled = pull_matrix(cut, gp)"),
    ("gradient reversed", "a=pulled.x", "a=pulled.x[..., ::-1].copy()"),
)

SORT_BY = of(
    "sorting.bubble_sort_by",
    ("rows mixed with the transposed weights", "s = size - np.uint64(1) - undone", "s = undone"),
    ("steps off by one: the first pair forgotten", "for undone in range(size):", "for undone in range(int(size) - 1):"),
    ("steps off by one: the last pair forgotten", "for undone in range(size):", "for undone in range(1, int(size)):"),
    ("key path from the rows left out", "q[row, group, s] += share(", "q[row, group, s] += 0.0 * share("),
    ("sign of the key path", "q[row, group, s] += share(", "q[row, group, s] -= share("),
    ("key path halved", "q[row, group, s] += share(", "q[row, group, s] += 0.5 * share("),
    ("key path off by 1e-6", "q[row, group, s] += share(", "q[row, group, s] += (1.0 + 1e-6) * share("),
    ("e and 1 - e exchanged", "blend(work, first[s], second[s], alpha[row, s], abar[row, s]", "blend(work, first[s], second[s], abar[row, s], alpha[row, s]"),
    ("weights of the first batch row", "blend(work, first[s], second[s], alpha[row, s], abar[row, s]", "blend(work, first[s], second[s], alpha[0, s], abar[0, s]"),
    ("cotangent of the first batch row", "work[wire, k] = gout[row, wire, left + k]", "work[wire, k] = gout[0, wire, left + k]"),
    ("rows not carried on", "record(work, first[c], second[c], tape, c, near, far)\n                mix(", "record(work, first[c], second[c], tape, c, near, far)\n                (lambda *a: None)("),
    ("recorded after the pair", "record(work, first[c], second[c], tape, c, near, far)\n                mix(work, first[c], second[c], alpha[row, c], abar[row, c], near, far)",
     "mix(work, first[c], second[c], alpha[row, c], abar[row, c], near, far)\n                record(work, first[c], second[c], tape, c, near, far)"),
    ("rows of the wrong wires", "record(work, first[c], second[c], tape", "record(work, second[c], first[c], tape"),
    ("last column forgotten", "gt[row, wire, left + k] = work[wire, k]", "gt[row, wire, left + k] = work[wire, k] if left + k < max(1, columns - 1) else 0.0"),
    ("cotangent of the keys' output added", "push, gt, gb = scratch(\"q\", (rows, groups, size)), empty(t.shape), np.zeros((rows, n))", "push, gt, gb = scratch(\"q\", (rows, groups, size)), empty(t.shape), gout.sum(-1) if q else np.zeros((rows, n))"),
    ("gradient of a broadcast table not summed", "t=unbroadcast(gt.reshape(shape), t_shape, residuals.dtype)", "t=gt.reshape(shape)[(0,) * (len(shape) - len(t_shape))]"),
    ("gradient of the keys halved", "a=unbroadcast(pulled.x, a_shape, residuals.dtype)", "a=0.5 * unbroadcast(pulled.x, a_shape, residuals.dtype)"),
    ("steepness path missing", "steepness=pulled.beta", "steepness=0.0 * pulled.beta"),
)

MEDIAN = of(
    "sorting.soft_median",
    ("middle off by one for even n", "    gb[:, high] += 0.5", "    gb[:, min(high + (low != high), gb.shape[-1] - 1)] += 0.5"),
    ("half missing for even n", "    gb[:, low] += 0.5\n    gb[:, high] += 0.5", "    gb[:, low] += 1.0\n    gb[:, high] += 1.0 if low != high else 0.0"),
    ("lower middle alone", "    gb[:, high] += 0.5", "    gb[:, low] += 0.5"),
    ("upper middle forgotten", "    gb[:, high] += 0.5", "    gb[:, high] += 0.5 if low == high else 0.0"),
    ("removal without -(smin + smax)", "return shared + most", "return 0.0 * shared"),
    ("removal's gradient of the other sign", "return shared + most", "return -(shared + most)"),
    ("removal's gradient without its largest", "return shared + most", "return shared"),
    ("renormalisation left out", "* scale - x[row, heaviest] * scale - mean)  # (2)", "* scale)  # (2)"),
    ("sign of the selection's gradient", "by_b1 = held(by_b1 + (x[row, i]", "by_b1 = held(by_b1 - (x[row, i]"),
    ("selection's sides added", "held(pushed[i] + (above[i] - below[i]))", "held(pushed[i] + (above[i] + below[i]))"),
    ("upper side alone", "held(pushed[i] + (above[i] - below[i]))", "held(pushed[i] + above[i])"),
    ("path through the weights left out", "held(g[i] + (below[i] + above[i]))", "held(g[i] + 0.0 * below[i])"),
    ("path through the weights overwritten", "held(g[i] + (below[i] + above[i]))", "held(below[i] + above[i])"),
    ("softmax without its mean", "held(b2 * (p[i] * (shared - (g[i] - most))))", "held(b2 * (p[i] * (0.0 - (g[i] - most))))"),
    ("sign of the softmax", "c[i] = held(b2 * (p[i] * (shared - (g[i] - most))))", "c[i] = held(-b2 * (p[i] * (shared - (g[i] - most))))"),
    ("removal left out of the softmax", "c[i] = held(b2 * (p[i]", "c[i] = held((p[i]"),
    ("selection left out of x", "w[row, i] + b1[row] * pushed[i] / scale", "w[row, i] + pushed[i] / scale"),
    ("weights left out of x", "w[row, i] + b1[row] * pushed[i] / scale", "b1[row] * pushed[i] / scale"),
    ("rounds undone first to last", "logw[row, rounds - 1 - undone]", "logw[row, undone]"),
    ("weights after the round", "logw[row, rounds - 1 - undone]", "logw[row, rounds - undone]"),
    ("selection of the first batch row", "low, high = select(x[row], old, -b1[row], p), select(x[row], old, b1[row], r)", "low, high = select(x[row], old, -b1[0], p), select(x[row], old, b1[0], r)"),
    ("one round forgotten", "for undone in range(rounds):", "for undone in range(rounds - 1):"),
    ("steepness path missing", "unbroadcast((g * gy).reshape(", "unbroadcast((0.0 * g * gy).reshape("),
    ("cotangent of the first row", "of_x = rounded((gx * gy[:, None])", "of_x = rounded((gx * gy[:1, None])"),
)
# fmt: on

MUTANTS = (*PERMUTATION, *SORT_BY, *MEDIAN)
