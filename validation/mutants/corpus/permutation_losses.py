"""Wrong backward passes of the losses between permutation matrices."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
CROSS_ENTROPY = of(
    "sorting.permutation_cross_entropy",
    ("1/n missing", "share = -g[row] / n", "share = -g[row]"),
    ("1/n^2 for 1/n", "share = -g[row] / n", "share = -g[row] / (n * n)"),
    ("sign", "share = -g[row] / n", "share = g[row] / n"),
    ("slope 1/pmin below the clamp", "slope = clamped_slope(p[i, e], pmin)", "slope = 1.0 / max(p[i, e], pmin)"),
    ("clamped too early", "slope = clamped_slope(p[i, e], pmin)", "slope = clamped_slope(p[i, e], 0.1)"),
    ("slope of 1 + P", "slope = clamped_slope(p[i, e], pmin)", "slope = 1.0 / (1.0 + p[i, e])"),
    ("epsilon added to P", "slope = clamped_slope(p[i, e], pmin)", "slope = 1.0 / (p[i, e] + 1e-7)"),
    ("gradient of a softmax", "share * q[j, e] * slope  # (1)", "share * (q[j, e] - p[i, e])  # (1)"),
    ("target left out", "share * q[j, e] * slope  # (1)", "share * slope  # (1)"),
    ("target taken for hard", "share * q[j, e] * slope  # (1)", "share * (q[j, e] > 0.5) * slope  # (1)"),
    ("target not differentiated", "share * clamped_log(p[i, e], pmin)  # (2)", "0.0  # (2)"),
    ("sign of the target's gradient", "share * clamped_log(p[i, e], pmin)  # (2)", "-share * clamped_log(p[i, e], pmin)  # (2)"),
    ("entropy's 1 + log", "share * clamped_log(p[i, e], pmin)  # (2)", "share * (1.0 + clamped_log(p[i, e], pmin))  # (2)"),
    ("logarithm to base 2", "share * clamped_log(p[i, e], pmin)  # (2)", "share * 1.4426950408889634 * clamped_log(p[i, e], pmin)  # (2)"),
    ("target transposed", "    return gradients(residuals, gp, gq)", "    n = residuals.n\n    return gradients(residuals, gp, gq.reshape(-1, n, n).transpose(0, 2, 1).copy())"),
    ("P transposed", "    return gradients(residuals, gp, gq)", "    n = residuals.n\n    return gradients(residuals, gp.reshape(-1, n, n).transpose(0, 2, 1).copy(), gq)"),
    ("a shared target's gradient not summed", "Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype)", "Q=gq.reshape(whole)"),
    ("of a shared target only the first row's gradient", "Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype)", "Q=gq.ravel()[: int(np.prod(residuals.shapes[1]))].reshape(residuals.shapes[1])"),
    ("a shared target's gradient averaged", "Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype)", "Q=unbroadcast(gq.reshape(whole) * (np.prod(residuals.shapes[1]) / gq.size), residuals.shapes[1], dtype)"),
    ("cotangent of the first batch row", "share = -g[row] / n", "share = -g[0] / n"),
    ("matrix of the first batch row", "pull_block(p, q, p_at[row],", "pull_block(p, q, p_at[0],"),
    ("last entry forgotten", "for e in range(first, last):\n        slope", "for e in range(first, int(last) - 1):\n        slope"),
    ("off by 1e-9", "share * q[j, e] * slope  # (1)", "(1.0 + 1e-9) * share * q[j, e] * slope  # (1)"),
)

BINARY = of(
    "sorting.permutation_binary_cross_entropy",
    ("1/n for 1/n^2", "share = -g[row] / (n * n)", "share = -g[row] / n"),
    ("1/n^2 missing", "share = -g[row] / (n * n)", "share = -g[row]"),
    ("sign", "share = -g[row] / (n * n)", "share = g[row] / (n * n)"),
    ("sign of the (1 - Q) term", "yes - (1.0 - q[j, e]) * no)  # (1)", "yes + (1.0 - q[j, e]) * no)  # (1)"),
    ("(1 - Q) term left out", "yes - (1.0 - q[j, e]) * no)  # (1)", "yes)  # (1)"),
    ("Q term left out", "(q[j, e] * yes - (1.0 - q[j, e]) * no)  # (1)", "-(1.0 - q[j, e]) * no  # (1)"),
    ("Q for 1 - Q", "(1.0 - q[j, e]) * no)  # (1)", "q[j, e] * no)  # (1)"),
    ("target exchanged with its complement", "(q[j, e] * yes - (1.0 - q[j, e]) * no)  # (1)", "((1.0 - q[j, e]) * yes - q[j, e] * no)  # (1)"),
    ("slope 1/pmin below the clamp", "yes, no = clamped_slope(p[i, e], pmin),", "yes, no = 1.0 / max(p[i, e], pmin),"),
    ("slope 1/pmin above the clamp", "clamped_slope(1.0 - p[i, e], pmin)\n", "1.0 / max(1.0 - p[i, e], pmin)\n"),
    ("gradient of logits", "(q[j, e] * yes - (1.0 - q[j, e]) * no)  # (1)", "(q[j, e] - p[i, e])  # (1)"),
    ("target's gradient without log(1 - P)", "clamped_log(p[i, e], pmin) - complement_log(p[i, e], pmin))", "clamped_log(p[i, e], pmin))"),
    ("target's gradient without log P", "(clamped_log(p[i, e], pmin) - complement_log(p[i, e], pmin))", "-complement_log(p[i, e], pmin)"),
    ("sum for difference in the target's gradient", "clamped_log(p[i, e], pmin) - complement", "clamped_log(p[i, e], pmin) + complement"),
    ("target not differentiated", "share * (clamped_log(p[i, e], pmin) - complement_log(p[i, e], pmin))  # (2)", "0.0  # (2)"),
    ("target transposed", "    return gradients(residuals, gp, gq)", "    n = residuals.n\n    return gradients(residuals, gp, gq.reshape(-1, n, n).transpose(0, 2, 1).copy())"),
    ("a shared matrix's gradient not summed", "P=unbroadcast(gp.reshape(whole), residuals.shapes[0], dtype)", "P=gp.reshape(whole)"),
    ("a shared target's gradient not summed", "Q=unbroadcast(gq.reshape(whole), residuals.shapes[1], dtype)", "Q=gq.reshape(whole)"),
    ("cotangent of the first batch row", "share = -g[row] / (n * n)", "share = -g[0] / (n * n)"),
    ("target of the first batch row", "p_at[row], q_at[row], pmin, share,", "p_at[row], q_at[0], pmin, share,"),
    ("clipped to [1e-3, 1 - 1e-3]", "yes, no = clamped_slope(p[i, e], pmin), clamped_slope(1.0 - p[i, e], pmin)", "yes, no = 1.0 / max(p[i, e], 0.05), 1.0 / max(1.0 - p[i, e], 0.05)"),
    ("off by 1e-9", "share * (q[j, e] * yes", "(1.0 + 1e-9) * share * (q[j, e] * yes"),
)
# fmt: on

MUTANTS = (*CROSS_ENTROPY, *BINARY)
