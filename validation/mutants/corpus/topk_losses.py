"""Wrong backward passes of the top-k losses and of the subset they are taken on."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
COLUMN = "gP_k[row, m, label[e]] += gloss[e] * (slope[e] * w[m])  # (2)"
LOSS = of(
    "topk.topk_loss",
    ("forward cumulative sum", "w, label = residuals.w, residuals.label", "w, label = np.cumsum(residuals.w - np.append(residuals.w[1:], 0.0)), residuals.label"),
    ("weights themselves, not their sums", "w, label = residuals.w, residuals.label", "w, label = residuals.w - np.append(residuals.w[1:], 0.0), residuals.label"),
    ("weights in reversed order", "w, label = residuals.w, residuals.label", "w, label = residuals.w[::-1], residuals.label"),
    ("1 / p missing", "(slope[e] * w[m])", "(-w[m])"),
    ("sign", COLUMN, "gP_k[row, m, label[e]] -= gloss[e] * (slope[e] * w[m])"),
    ("1 / p squared", "(slope[e] * w[m])", "(-slope[e] * slope[e] * w[m])"),
    ("w missing", "(slope[e] * w[m])", "(slope[e] * w[0])"),
    ("all columns", "gP_k[row, m, label[e]] +=", "gP_k[row, m, :] +="),
    ("column beside the label's", "gP_k[row, m, label[e]] +=", "gP_k[row, m, label[e] - 1] +="),
    ("label of the first batch row", "gP_k[row, m, label[e]] +=", "gP_k[row, m, label[0]] +="),
    ("cotangent of the first batch row", "gloss[e] * (", "gloss[0] * ("),
    ("p of the first batch row", "(slope[e] * w[m])", "(slope[0] * w[m])"),
    ("cotangent left out", "gloss[e] * (slope[e] * w[m])", "slope[e] * w[m]"),
    ("p of another row", "surprise_slope(p[e],", "surprise_slope(p[e - 1],"),
    ("first rank only", "for m in range(w.size):\n                gP_k", "for m in range(1):\n                gP_k"),
    ("last rank forgotten", "for m in range(w.size):\n                gP_k", "for m in range(max(1, w.size - 1)):\n                gP_k"),
    ("off by 1e-9", "surprise_slope(p[e], scale, floor)  # (1)", "surprise_slope(p[e], scale, floor) * (1.0 + 1e-9)"),
    ("floor far too high", "surprise_slope(p[e], scale, floor)  # (1)", "surprise_slope(p[e], scale, 0.2)"),
    ("mean over the batch", "(slope[e] * w[m])", "(slope[e] * w[m]) / label.size"),
    ("softmax cross entropy's habit: subtracted in the other columns", COLUMN, COLUMN + "\n                gP_k[row, m, label[e] - 1] -= 1e-3 * gloss[e]"),
)

# What random inputs do not reach: the named inputs must refuse these.
LOSS_CASES = of(
    "topk.topk_loss",
    ("rescue: 1 / pmin below the floor", "surprise_slope(p[e], scale, floor)  # (1)", "-1.0 / max(p[e], floor / scale)"),
    ("duplicates overwritten", "gP_k[row, m, label[e]] +=", "gP_k[row, m, label[e]] ="),
)

SPLIT = of(
    "topk.topk_split_loss",
    ("softmax minus one-hot without PK(1)", "c[i] = gloss[i] * share  # (3)", "c[i] = gloss[i]"),
    ("one-hot forgotten", "- gx[row, j] * other  # (5)", ""),
    ("softmax forgotten", "(every - gx[row, j]) * s - gx", "-gx"),
    ("sign of the softmax", "c[i] = gloss[i] * share  # (3)", "c[i] = -gloss[i] * share"),
    ("softmax not normalised", "s = e[row, j] / whole", "s = e[row, j]"),
    ("normaliser of the second term in the gradient", "slope[i] = by_p if mixed else rest * by_p", "slope[i] = by_p if mixed else by_p"),
    ("PK(1) for 1 - PK(1)", "slope[i] = by_p if mixed else rest * by_p", "slope[i] = by_p if mixed else share * by_p"),
    ("1 - PK(1) squared", "slope[i] = by_p if mixed else rest * by_p", "slope[i] = by_p if mixed else rest * rest * by_p"),
    ("mixed taken for split", "slope[i] = by_p if mixed else rest * by_p", "slope[i] = rest * by_p"),
    ("mixed: scores as in split", "if mixed and share > 0.0:\n            chosen", "if False:\n            chosen"),
    ("mixed: s_y missing", "(share / scale)) * chosen  # (4)", "(share / scale))"),
    ("mixed: 1 / p missing", "(by_p * (share / scale))", "(-share)"),
    ("mixed: sign", "c[i] = -gloss[i] * (by_p", "c[i] = gloss[i] * (by_p"),
    ("mixed: PK(1) missing", "(by_p * (share / scale))", "(by_p / scale)"),
    ("label of the first batch row", "gx[row, label[order[i]]] +=", "gx[row, label[0]] +="),
    ("label beside the true one", "gx[row, label[order[i]]] +=", "gx[row, label[order[i]] - 1] +="),
    ("scores of the first batch row", "s = e[row, j] / whole", "s = e[0, j] / whole"),
    ("matrix: label of the first batch row", "pull(residuals.from_p, label, slope,", "pull(residuals.from_p, np.full_like(label, label[:1].sum()), slope,"),
    ("matrix: cotangent left out", "slope, residuals.w, gloss, matrix_shape", "slope, residuals.w, np.ones_like(gloss), matrix_shape"),
    ("matrix: weights of the plain loss", "slope, residuals.w, gloss, matrix_shape", "slope, residuals.w + np.eye(residuals.w.size or 1)[0, : residuals.w.size] * share / residuals.scale, gloss, matrix_shape"),
    ("matrix: first row left out", "slope, residuals.w, gloss, matrix_shape", "slope, residuals.w * (np.arange(residuals.w.size) > 0), gloss, matrix_shape"),
    ("scores off by 1e-9", "c[i] = gloss[i] * share  # (3)", "c[i] = gloss[i] * share * (1.0 + 1e-9)"),
    ("scores: mean over the batch", "c[i] = gloss[i] * share  # (3)", "c[i] = gloss[i] * share / p.size"),
    ("scores detached", "x=rounded(gx.reshape(x_shape)", "x=rounded(0.0 * gx.reshape(x_shape)"),
)

SPLIT_CASES = of(
    "topk.topk_split_loss",
    ("rescue: 1 / pmin below the floor", "by_p = surprise_slope(p[i], scale, floor)", "by_p = -1.0 / max(p[i], floor / scale)"),
    ("duplicates overwritten", "gx[row, label[order[i]]] +=", "gx[row, label[order[i]]] ="),
)

SUBSET = of(
    "topk.subset",
    ("shifted by one slot", "gchosen[e, slot]  # (1)", "gchosen[e, slot - 1]"),
    ("gradient of the true class lost", "for slot in range(indices.shape[1]):\n                gx", "for slot in range(1, indices.shape[1]):\n                gx"),
    ("gradient of the last slot lost", "for slot in range(indices.shape[1]):\n                gx", "for slot in range(max(1, indices.shape[1] - 1)):\n                gx"),
    ("true class only", "for slot in range(indices.shape[1]):\n                gx", "for slot in range(1):\n                gx"),
    ("left in the order of the subset", "gx[row, indices[e, slot]] +=", "gx[row, slot] +="),
    ("slots in reversed order", "gchosen[e, slot]  # (1)", "gchosen[e, indices.shape[1] - 1 - slot]"),
    ("indices of the first batch row", "gx[row, indices[e, slot]] +=", "gx[row, indices[0, slot]] +="),
    ("cotangent of the first batch row", "gchosen[e, slot]  # (1)", "gchosen[0, slot]"),
    ("true class in the wrong place", "gx[row, indices[e, slot]] +=", "gx[row, indices[e, slot] if slot else 0] +="),
    ("sign", "gx[row, indices[e, slot]] +=", "gx[row, indices[e, slot]] -="),
    ("not reset", "gx[row, j] = 0.0  # (2)", "gx[row, j] = 1.0"),
    ("absolute cotangent", "gchosen[e, slot]  # (1)", "abs(gchosen[e, slot])"),
    ("divided by m", "gchosen[e, slot]  # (1)", "gchosen[e, slot] / indices.shape[1]"),
    ("float32 buffer", "gx = empty((rows, n), dtype if alone else np.float64)", "gx = empty((rows, n), np.float32)"),
)

SUBSET_CASES = of(
    "topk.subset",
    ("duplicates overwritten", "gx[row, indices[e, slot]] +=", "gx[row, indices[e, slot]] ="),
)
# fmt: on

MUTANTS = (*LOSS, *SPLIT, *SUBSET)
NAMED = (*LOSS_CASES, *SPLIT_CASES, *SUBSET_CASES)
