"""Wrong backward passes of network_topk."""

from __future__ import annotations

from validation.mutants.mutant import of

SLOPES = "saved, k = Saved(*residuals[:-1]), residuals.k\n    network, rows"  # where residuals become those of sort

# fmt: off
MUTANTS = of(
    "topk.network_topk",
    ("comparators first to last in pass 2", "c = size - np.uint64(1) - undone\n                    record(", "c = undone\n                    record("),
    ("Y after the comparator", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))", "mix(work, first[c], second[c], alpha[row, c], abar[row, c], np.uint64(width))\n                    record(work, first[c], second[c], tape, c, np.uint64(width))"),
    ("columns of Y mixed with the weights exchanged", "blend(work, i, j, a, b, width)", "blend(work, i, j, b, a, width)"),
    ("columns of G mixed with the weights exchanged", "blend(work, first[s], second[s], alpha[row, s], abar[row, s], np.uint64(width))  # (6)", "blend(work, first[s], second[s], abar[row, s], alpha[row, s], np.uint64(width))  # (6)"),
    ("columns of G not mixed", "blend(work, first[s], second[s], alpha[row, s], abar[row, s], np.uint64(width))  # (6)", "pass"),
    ("one column of G not mixed", "blend(work, first[s], second[s], alpha[row, s], abar[row, s], np.uint64(width))  # (6)", "kept = work[second[s]].copy(); blend(work, first[s], second[s], alpha[row, s], abar[row, s], np.uint64(width)); work[second[s]] = kept"),
    ("sign of q", "q += (left - right) * tape[c, m]", "q -= (left - right) * tape[c, m]"),
    ("q halved", "q += (left - right) * tape[c, m]", "q += 0.5 * (left - right) * tape[c, m]"),
    ("sum for difference", "q += (left - right) * tape[c, m]", "q += (left + right) * tape[c, m]"),
    ("only the minimum's column", "q += (left - right) * tape[c, m]", "q += left * tape[c, m]"),
    ("q off by 1e-6", "q += (left - right) * tape[c, m]", "q += (1.0 + 1e-6) * (left - right) * tape[c, m]"),
    ("sign on the tape", "tape[c, m] = work[i, m] - work[j, m]", "tape[c, m] = work[j, m] - work[i, m]"),
    ("tape of the maximum's column", "tape[c, m] = work[i, m] - work[j, m]", "tape[c, m] = -work[j, m]"),
    ("tape read in reversed order", "second[s], tape, s, np.uint64(width))", "second[s], tape, size - np.uint64(1) - s, np.uint64(width))"),
    ("wires counted from the first", "work[n - 1 - (top + m), m] = 1.0", "work[top + m, m] = 1.0"),
    ("ranks in ascending order", "work[n - 1 - (top + m), m] = 1.0", "work[n - k + (top + m), m] = 1.0"),
    ("only the first row", "if top + m < k else 0.0", "if top + m < 1 else 0.0"),
    ("last row forgotten", "if top + m < k else 0.0", "if top + m < k - 1 else 0.0"),
    ("weights of the first batch row", "alpha[row, s], abar[row, s]", "alpha[0, s], abar[0, s]"),
    ("weights of the first batch row in pass 2", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[row, c], abar[row, c]", "record(work, first[c], second[c], tape, c, np.uint64(width))\n                    mix(work, first[c], second[c], alpha[0, c], abar[0, c]"),
    ("cotangent of the first batch row", "gp[row, top + m, wire]", "gp[0, top + m, wire]"),
    ("cotangent's rows in ascending order", "gp[row, top + m, wire]", "gp[row, k - 1 - (top + m), wire]"),
    ("cotangent's wires from the last", "gp[row, top + m, wire]", "gp[row, top + m, n - 1 - wire]"),
    ("q pushed to the next comparator", "q[row, group, s] += share(", "q[row, group, (s + np.uint64(1)) % size] += share("),
    ("q pushed in reversed order", "q[row, group, s] += share(", "q[row, group, size - np.uint64(1) - s] += share("),
    ("comparators last to first on G", "q[row, group, s] += share(", "s = size - np.uint64(1) - s\n                    q[row, group, s] += share("),
    ("slope path missing", SLOPES, SLOPES.replace("Saved(*residuals[:-1])", "Saved(*residuals[:-1])._replace(slope=0.0 * residuals.slope)")),
    ("slope off by 0.1 %", SLOPES, SLOPES.replace("Saved(*residuals[:-1])", "Saved(*residuals[:-1])._replace(slope=1.001 * residuals.slope)")),
    ("gradient of beta halved", "gradients(saved, *pulled)", "gradients(saved, pulled[0], 0.5 * pulled[1], pulled[2])"),
    ("gradient of x clipped", "gradients(saved, *pulled)", "gradients(saved, np.clip(pulled[0], -0.25, 0.25), *pulled[1:])"),
    ("sign of x's gradient", "gradients(saved, *pulled)", "gradients(saved, -pulled[0], *pulled[1:])"),
    ("straight through", "gradients(saved, *pulled)", "gradients(saved, gp.sum(1), *pulled[1:])"),
)
# fmt: on
