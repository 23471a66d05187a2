"""Wrong backward passes of network_topk."""

from __future__ import annotations

from validation.mutants.mutant import of

SLOPES = "saved, k = Saved(*residuals[:-1]), residuals.k\n    network, rows"  # where residuals become those of sort

# fmt: off
MUTANTS = of(
    "topk.network_topk",
    ("comparators first to last in pass 2", "c = size - np.uint64(1) - undone\n                    record(", "c = undone\n                    record("),
    ("Y after the comparator", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))", "mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))\n                    record(work, first[c], second[c], tape, c, np.uint64(width))"),
    ("columns of Y mixed with the weights exchanged", "work[i, m] = a * left + b * right\n        work[j, m] = b * left + a * right\n\n", "work[i, m] = b * left + a * right\n        work[j, m] = a * left + b * right\n\n"),
    ("columns of G mixed with the weights exchanged", "work[i, m] = a * left + b * right  # (6)\n        work[j, m] = b * left + a * right  # (6)", "work[i, m] = b * left + a * right\n        work[j, m] = a * left + b * right"),
    ("columns of G not mixed", "work[i, m] = a * left + b * right  # (6)\n        work[j, m] = b * left + a * right  # (6)", "pass"),
    ("one column of G not mixed", "work[j, m] = b * left + a * right  # (6)", "work[j, m] = right"),
    ("sign of q", "q += (left - right) * tape[c, m]", "q -= (left - right) * tape[c, m]"),
    ("q halved", "q += (left - right) * tape[c, m]", "q += 0.5 * (left - right) * tape[c, m]"),
    ("sum for difference", "q += (left - right) * tape[c, m]", "q += (left + right) * tape[c, m]"),
    ("only the minimum's column", "q += (left - right) * tape[c, m]", "q += left * tape[c, m]"),
    ("q off by 1e-6", "q += (left - right) * tape[c, m]", "q += (1.0 + 1e-6) * (left - right) * tape[c, m]"),
    ("sign on the tape", "tape[c, m] = work[i, m] - work[j, m]", "tape[c, m] = work[j, m] - work[i, m]"),
    ("tape of the maximum's column", "tape[c, m] = work[i, m] - work[j, m]", "tape[c, m] = -work[j, m]"),
    ("tape read in reversed order", "a, b, tape, s, np.uint64(width))", "a, b, tape, size - np.uint64(1) - s, np.uint64(width))"),
    ("wires counted from the first", "work[n - 1 - (top + m), m] = 1.0", "work[top + m, m] = 1.0"),
    ("ranks in ascending order", "work[n - 1 - (top + m), m] = 1.0", "work[n - k + (top + m), m] = 1.0"),
    ("only the first row", "if top + m < k else 0.0", "if top + m < 1 else 0.0"),
    ("last row forgotten", "if top + m < k else 0.0", "if top + m < k - 1 else 0.0"),
    ("weights of the first batch row", "a, b = alpha[row, s], abar[row, s]", "a, b = alpha[0, s], abar[0, s]"),
    ("weights of the first batch row in pass 2", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[row, c], abar[row, c]", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[0, c], abar[0, c]"),
    ("cotangent of the first batch row", "gp[row, top + m, wire]", "gp[0, top + m, wire]"),
    ("cotangent's rows in ascending order", "gp[row, top + m, wire]", "gp[row, k - 1 - (top + m), wire]"),
    ("cotangent's wires from the last", "gp[row, top + m, wire]", "gp[row, top + m, n - 1 - wire]"),
    ("q pushed to the next comparator", "q[row, group, s] += pull(", "q[row, group, (s + np.uint64(1)) % size] += pull("),
    ("q pushed in reversed order", "q[row, group, s] += pull(", "q[row, group, size - np.uint64(1) - s] += pull("),
    ("comparators last to first on G", "a, b = alpha[row, s], abar[row, s]", "s = size - np.uint64(1) - s\n                    a, b = alpha[row, s], abar[row, s]"),
    ("slope path missing", SLOPES, SLOPES.replace("Saved(*residuals[:-1])", "Saved(*residuals[:-1])._replace(slope=0.0 * residuals.slope)")),
    ("slope off by 0.1 %", SLOPES, SLOPES.replace("Saved(*residuals[:-1])", "Saved(*residuals[:-1])._replace(slope=1.001 * residuals.slope)")),
    ("gradient of beta halved", "gradients(saved, *pulled)", "gradients(saved, pulled[0], 0.5 * pulled[1], pulled[2])"),
    ("gradient of x clipped", "gradients(saved, *pulled)", "gradients(saved, np.clip(pulled[0], -0.25, 0.25), *pulled[1:])"),
    ("sign of x's gradient", "gradients(saved, *pulled)", "gradients(saved, -pulled[0], *pulled[1:])"),
    ("straight through", "gradients(saved, *pulled)", "gradients(saved, gp.sum(1), *pulled[1:])"),
)
# fmt: on
