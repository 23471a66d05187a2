"""Wrong backward passes of swap and of the sorting networks."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
SWAP = of(
    "sorting.swap",
    ("sign of the weight path to a", "abar[e] * gh - gd", "abar[e] * gh + gd"),
    ("weight path to b left out", "alpha[e] * gh + gd", "alpha[e] * gh"),
    ("direct weights exchanged", "ga[e] = alpha[e] * gl + abar[e] * gh", "ga[e] = abar[e] * gl + alpha[e] * gh"),
    ("sign of the weight's cotangent", "(gh - gl)  # (1)", "(gl - gh)  # (1)"),
    ("sum for difference", "(gh - gl)  # (1)", "(gh + gl)  # (1)"),
    ("slope doubled", "(slope[e] * d[e])", "(2.0 * slope[e] * d[e])"),
    ("slope off by 0.1 %", "(slope[e] * d[e])", "(1.001 * slope[e] * d[e])"),
    ("slope off by 1e-9", "(slope[e] * d[e])", "((1.0 + 1e-9) * slope[e] * d[e])"),
    ("distance for difference", "(slope[e] * d[e])", "(slope[e] * abs(d[e]))"),
    ("beta not divided out", "gd * d[e] * per_beta / beta[e * step]", "gd * d[e] * per_beta"),
    ("beta's path left out", "gd * d[e] * per_beta / beta[e * step]", "0.0"),
    ("cotangents exchanged", "gl, gh = glow[e], ghigh[e]", "gh, gl = glow[e], ghigh[e]"),
    ("only the minimum's cotangent", "gl, gh = glow[e], ghigh[e]", "gl, gh = glow[e], 0.0"),
    ("sign of ART's exponent", "glam[e] = gd * d[e] * per_lam", "glam[e] = -gd * d[e] * per_lam"),
    ("dead beyond |d| = 2", "(slope[e] * d[e])", "((slope[e] if abs(d[e]) < 2.0 else 0.0) * d[e])"),
    ("gradients of a and b exchanged", "a=unbroadcast(ga.reshape(shape), a_shape, dtype)", "a=unbroadcast(gb.reshape(shape), a_shape, dtype)"),
)

NETWORK_SORT = of(
    "sorting.network_sort",
    ("comparators undone first to last", "c = size - np.uint64(1) - undone", "c = undone"),
    ("first comparator forgotten", "for undone in range(size):", "for undone in range(int(size) - 1):"),
    ("last comparator forgotten", "for undone in range(size):", "for undone in range(1, int(size)):"),
    ("weight path left out", "gd = (slope[row, c] * d[row, c]) * (gj - gi)", "gd = 0.0 * slope[row, c]"),
    ("sign of the weight path", "(gj - gi)  # (1)", "(gi - gj)  # (1)"),
    ("weight path to x_j left out", "alpha[row, c] * gj + gd", "alpha[row, c] * gj"),
    ("direct weights exchanged", "gx[row, i] = alpha[row, c] * gi + abar[row, c] * gj", "gx[row, i] = abar[row, c] * gi + alpha[row, c] * gj"),
    ("wires exchanged", "i, j = first[c], second[c]\n        gi, gj", "j, i = first[c], second[c]\n        gi, gj"),
    ("beta overwritten, not added", "by_beta += gd * d[row, c] * per_beta", "by_beta = gd * d[row, c] * per_beta"),
    ("beta not divided out", "by_beta / beta[row]", "by_beta"),
    ("distance for difference in beta", "gd * d[row, c] * per_beta", "gd * abs(d[row, c]) * per_beta"),
    ("weights of the first batch row", "gx[row, i] = alpha[row, c] * gi + abar[row, c] * gj", "gx[row, i] = alpha[0, c] * gi + abar[0, c] * gj"),
    ("slope off by 1e-6", "(slope[row, c] * d[row, c])", "((1.0 + 1e-6) * slope[row, c] * d[row, c])"),
    ("dead beyond |d| = 2", "(slope[row, c] * d[row, c])", "((slope[row, c] if abs(d[row, c]) < 2.0 else 0.0) * d[row, c])"),
    ("cotangent clipped to [-1, 1]", "gx[row, wire] = unit * gy[row, wire]", "gx[row, wire] = min(1.0, max(-1.0, gy[row, wire]))"),
    ("absolute cotangent", "gx[row, wire] = unit * gy[row, wire]", "gx[row, wire] = abs(gy[row, wire])"),
    ("added to what was there", "gx[row, wire] = unit * gy[row, wire]", "gx[row, wire] += gy[row, wire]"),
    ("float32 buffer", "pulled = empty(gy.shape), empty", "pulled = empty(gy.shape, np.float32), empty"),
    ("straight through", "return gradients(residuals, *pulled)", "return gradients(residuals, np.array(gy), *pulled[1:])"),
    ("left in reversed order", "x=rounded(gx.reshape(x_shape)", "x=rounded(gx[:, ::-1].reshape(x_shape)"),
    ("divided by n", "x=rounded(gx.reshape(x_shape)", "x=rounded((gx / gx.shape[1]).reshape(x_shape)"),
    ("beta's gradient not summed over the batch", "beta=unbroadcast(gbeta.reshape(x_shape[:-1]), beta_shape)", "beta=gbeta.reshape(x_shape[:-1])"),
    ("ART: beta as for plain sigmoids", "gd * d[row, c] * per_beta", "gd * d[row, c]"),
    ("ART: sign of the exponent", "by_lam += gd * d[row, c] * per_lam", "by_lam -= gd * d[row, c] * per_lam"),
)

PERMUTATION = of(
    "sorting.network_permutation",
    ("sign of the weight's cotangent", "q += (upper - lower) * tape[step, k]", "q -= (upper - lower) * tape[step, k]"),
    ("only the upper row's cotangent", "q += (upper - lower) * tape[step, k]", "q += upper * tape[step, k]"),
    ("sum for difference", "q += (upper - lower) * tape[step, k]", "q += (upper + lower) * tape[step, k]"),
    ("weight's cotangent halved", "q += (upper - lower) * tape[step, k]", "q += 0.5 * (upper - lower) * tape[step, k]"),
    ("cotangent rows mixed the wrong way", "blend(work, first[c], second[c], alpha[row, c], abar[row, c], near[s], far[s])  # (6)", "blend(work, first[c], second[c], abar[row, c], alpha[row, c], near[s], far[s])  # (6)"),
    ("cotangent rows not mixed", "blend(work, first[c], second[c], alpha[row, c], abar[row, c], near[s], far[s])  # (6)", "pass"),
    ("last column forgotten", "for k in range(near, far):\n        upper, lower = work[i, k], work[j, k]\n        q", "for k in range(near, far - 1):\n        upper, lower = work[i, k], work[j, k]\n        q"),
    ("tape in reversed order", "tape[step, k] = work[i, k] - work[j, k]", "tape[step, far - 1 - (k - near)] = work[i, k] - work[j, k]"),
    ("sign on the tape", "tape[step, k] = work[i, k] - work[j, k]", "tape[step, k] = work[j, k] - work[i, k]"),
    ("cotangent transposed", "gp[row, wire, left + k] if", "gp[row, left + k, wire] if"),
    ("cotangent of the first batch row", "gp[row, wire, left + k] if", "gp[0, wire, left + k] if"),
    ("comparators undone first to last", "s = steps - np.uint64(1) - undone", "s = undone"),
    ("weights of the first batch row", "blend(work, first[c], second[c], alpha[row, c], abar[row, c], near[s], far[s])  # (6)", "blend(work, first[c], second[c], alpha[0, c], abar[0, c], near[s], far[s])  # (6)"),
    ("off by 1e-6", "q += (upper - lower) * tape[step, k]", "q += (1.0 + 1e-6) * (upper - lower) * tape[step, k]"),
)
# fmt: on

MUTANTS = (*SWAP, *NETWORK_SORT, *PERMUTATION)
