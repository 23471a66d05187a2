"""Wrong backward passes of soft values and soft ranks."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
VALUES = of(
    "sorting.soft_values",
    ("P for its transpose", "gx[row, c] += p[i, r, c] * g if p[i, r, c] != 0.0 else 0.0  # (2)", "gx[row, c] += p[i, min(c, p.shape[1] - 1), r] * g  # (2)"),
    ("sign of x's gradient", "gx[row, c] += p[i, r, c] * g if", "gx[row, c] -= p[i, r, c] * g if"),
    ("overwritten, not added", "gx[row, c] += p[i, r, c] * g if", "gx[row, c] = p[i, r, c] * g if"),
    ("straight through", "gx[row, c] += p[i, r, c] * g if p[i, r, c] != 0.0 else 0.0  # (2)", "gx[row, c] += g if c == r else 0.0  # (2)"),
    ("hard matrix", "gx[row, c] += p[i, r, c] * g if p[i, r, c] != 0.0 else 0.0  # (2)", "gx[row, c] += g if p[i, r, c] > 0.5 else 0.0  # (2)"),
    ("matrix not differentiated", "gp[row, r, c] = g * x[j, c]  # (1)", "gp[row, r, c] = 0.0  # (1)"),
    ("sign of P's gradient", "gp[row, r, c] = g * x[j, c]  # (1)", "gp[row, r, c] = -g * x[j, c]  # (1)"),
    ("distance for value", "gp[row, r, c] = g * x[j, c]  # (1)", "gp[row, r, c] = g * abs(x[j, c])  # (1)"),
    ("weighted with P", "gp[row, r, c] = g * x[j, c]  # (1)", "gp[row, r, c] = g * x[j, c] * p[i, r, c]  # (1)"),
    ("first row forgotten", "for r in range(g.shape[1]):", "gp[row, 0, :] = 0.0\n        for r in range(1, g.shape[1]):"),
    ("last row forgotten", "for r in range(g.shape[1]):", "gp[row, -1, :] = 0.0\n        for r in range(g.shape[1] - 1):"),
    ("cotangents reversed", "pull_row(p, x, i, j, g[row, r], r,", "pull_row(p, x, i, j, g[row, g.shape[1] - 1 - r], r,"),
    ("shared values' gradient not summed", "x=unbroadcast(gx.reshape(*batch, gx.shape[1]), x_shape, dtype)", "x=gx.reshape(*batch, gx.shape[1])"),
    ("a shared matrix's gradient not summed", "P=unbroadcast(gp.reshape(*batch, *gp.shape[1:]), p_shape, dtype)", "P=gp.reshape(*batch, *gp.shape[1:])"),
    ("values of the first batch row", "i, j = p_at[row], x_at[row]\n        for c in", "i, j = p_at[row], x_at[0]\n        for c in"),
    ("matrix of the first batch row", "i, j = p_at[row], x_at[row]\n        for c in", "i, j = p_at[0], x_at[row]\n        for c in"),
    ("divided by the number of rows", "x=unbroadcast(gx.reshape", "x=unbroadcast((gx / gp.shape[1]).reshape"),
    ("off by 1e-9", "gp[row, r, c] = g * x[j, c]  # (1)", "gp[row, r, c] = (1.0 + 1e-9) * g * x[j, c]  # (1)"),
)

RANKS = of(
    "sorting.soft_ranks",
    ("ranks from 0", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(g, row, r, r, gp)"),
    ("ranks from 2", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(g, row, r, r + 2.0, gp)"),
    ("ranks from last to first", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(g, row, r, n - r, gp)"),
    ("ranks divided by n", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(g, row, r, (r + 1.0) / n, gp)"),
    ("ranks centred", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(g, row, r, r - (n - 1.0) / 2.0, gp)"),
    ("column's number for the row's", "rank * g[row, c]  # (1)", "(c + 1.0) * g[row, c]  # (1)"),
    ("cotangent of the rank for that of the input", "rank * g[row, c]  # (1)", "rank * g[row, r]  # (1)"),
    ("sign", "rank * g[row, c]  # (1)", "-rank * g[row, c]  # (1)"),
    ("rank left out", "rank * g[row, c]  # (1)", "g[row, c]  # (1)"),
    ("rank squared", "rank * g[row, c]  # (1)", "rank * rank * g[row, c]  # (1)"),
    ("transposed", "rounded(gp.reshape(residuals.shape)", "rounded(gp.transpose(0, 2, 1).reshape(residuals.shape)"),
    ("cotangent of the first batch row", "pull_row(g, row, r, r + 1.0, gp)", "pull_row(np.repeat(g[:1], len(g), 0), row, r, r + 1.0, gp)"),
    ("averaged over the batch", "rounded(gp.reshape(residuals.shape)", "rounded((0.0 * gp + gp.mean(0)).reshape(residuals.shape)"),
    ("off by 1e-9", "rank * g[row, c]  # (1)", "(1.0 + 1e-9) * rank * g[row, c]  # (1)"),
)
# fmt: on

MUTANTS = (*VALUES, *RANKS)
