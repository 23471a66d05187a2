"""Wrong backward passes of the relaxed bubble sort."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
MUTANTS = of(
    "sorting.bubble_sort",
    ("comparison path left out", "gd = (slope[row, c] * d[row, c]) * difference(gi, gj)", "gd = 0.0 * slope[row, c]"),
    ("sign of the comparison path", "difference(gi, gj)  # (3) (4)", "difference(gj, gi)  # (3) (4)"),
    ("swapped's path left out", "gsome * unswapped[row, c] + gloss", "gloss"),
    ("loss's path left out", "gsome * unswapped[row, c] + gloss", "gsome * unswapped[row, c]"),
    ("swapped after for before", "gsome * unswapped[row, c] + gloss", "gsome * unswapped[row, c] * alpha[row, c] + gloss"),
    ("swapped's cotangent not passed on", "gsome *= alpha[row, c]  # (5)", "gsome *= 1.0  # (5)"),
    ("swapped's cotangent times p", "gsome *= alpha[row, c]  # (5)", "gsome *= abar[row, c]  # (5)"),
    ("weights of passes held fixed", "q * (gq - gw)  # (2)", "q * 0.0  # (2)"),
    ("later passes forgotten in swapped", "q * (gq - gw)  # (2)", "q * (0.0 - gw)  # (2)"),
    ("q's cotangent overwritten", "gq = none * gw + some * gq", "gq = none * gw"),
    ("passes of the printed weights", "gq = none * gw + some * gq", "gq = some * gw + some * gq"),
    ("loss of earlier passes forgotten", "gloss += weight * (scale * gswaps[row])", "gloss = weight * (scale * gswaps[row])"),
    ("array missing in the weights' cotangent", "gw += garray[row, i] * (scale * states[row, t, i])", "gw += 0.0 * garray[row, i]"),
    ("direct weights exchanged", "ga[row, i] = bounded(alpha[row, c] * gi + abar[row, c] * gj - gd)", "ga[row, i] = bounded(abar[row, c] * gi + alpha[row, c] * gj - gd)"),
    ("last comparison of a pass forgotten", "i = n - 2 - t - undone", "i = max(0, n - 3 - t - undone)"),
    ("beta not divided out", "bounded(by_beta / beta[row])", "bounded(by_beta)"),
    ("sign of beta", "bounded(by_beta + bounded(", "bounded(by_beta - bounded("),
    ("off by 1e-6", "gd = (slope[row, c] * d[row, c]) *", "gd = (1.0 + 1e-6) * (slope[row, c] * d[row, c]) *"),
)
# fmt: on
