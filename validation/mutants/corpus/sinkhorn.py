"""Wrong backward passes of the Sinkhorn operators."""

from __future__ import annotations

from validation.mutants.mutant import of

DAMPED = """q, n = residuals.plan, gp.shape[-1]
        M = gp * q
        system = 1.001 * np.eye(n) - q @ q.swapaxes(-1, -2) + 1.0 / n
        m = np.linalg.solve(system, M.sum(-1)[..., None] - q @ M.sum(-2)[..., None])
        gt = q * (gp - (M.sum(-2)[:, None, :] - m.swapaxes(-1, -2) @ q) - m)
        return (gt * problem.y[:, :, None]).sum(-2), (gt @ problem.x[..., None])[..., 0], np.zeros_like(problem.x)"""
COLUMNS = """q = residuals.plan
        gt = q * (gp - (q * gp).sum(-2, keepdims=True))
        return (gt * problem.y[:, :, None]).sum(-2), (gt @ problem.x[..., None])[..., 0], np.zeros_like(problem.x)"""

# fmt: off
SORT = of(
    "sorting.sinkhorn_sort",
    ("factor 2 missing in dC/dx", "by_x = xp.ldexp(gx, -power)", "by_x = xp.ldexp(gx, -power) / 2.0"),
    ("sign of the cost's cotangent", "gather(m, j, y[j], gx)", "gather(m, j, -y[j], gx)"),
    ("plan not divided by eps in the targets", "parts = xp.ldexp(gy / mantissa, power + 1 - exponent)", "parts = xp.ldexp(gy, power + 1)"),
    ("plan not divided by eps in x", "by_x = xp.ldexp(gx, -power)", "by_x = xp.ldexp(gx, -power) * xp.ldexp(mantissa, exponent)"),
    ("sign of the targets' gradient", "by_y = xp.clip(parts[0], -HALF, HALF)", "by_y = -xp.clip(parts[0], -HALF, HALF)"),
    ("start left out of the targets' gradient", "- xp.clip(parts[1], -HALF, HALF)", "- 0.0"),
    ("sign of the start in the targets' gradient", "- xp.clip(parts[1], -HALF, HALF)", "+ xp.clip(parts[1], -HALF, HALF)"),
    ("start left out of eps", " + (problem.start * gstart).sum(axis=-1)", ""),
    ("sign of eps", "by_eps = -xp.ldexp", "by_eps = xp.ldexp"),
    ("eps divided out once too few", "by_eps = -xp.ldexp(both[:, None] / mantissa, -exponent)[:, 0]", "by_eps = -both"),
    ("last half step forgotten", "m[j, i] *= (gp[j, i] - gp[j, top]) - level", "m[j, i] *= gp[j, i]"),
    ("first iteration forgotten", "for t in range(last, -1, -1):", "for t in range(last, 0, -1):"),
    ("last iteration forgotten", "for t in range(last, -1, -1):", "for t in range(last - 1, -1, -1):"),
    ("iterations undone first to last", "for t in range(last, -1, -1):", "for t in range(last + 1):"),
    ("R and S exchanged", "tape[t - 1, 1] if base[t - 1] < t - 1 else ones, v)", "tape[t, 1], v)"),
    ("cotangent of f not reset", "gf[i] = 0.0  # (3)", "gf[i] = gf[i]"),
    ("cotangent of g not replaced", "gg[j] = -gam[j] * dot(k, j, z)  # (3)", "gg[j] -= gam[j] * dot(k, j, z)"),
    ("sign of the push to f", "gf[i] -= phi[i] * push[i]", "gf[i] += phi[i] * push[i]"),
    ("sign of the push to g", "gg[j] = -gam[j] * dot(k, j, z)", "gg[j] = gam[j] * dot(k, j, z)"),
    ("moments of the g-step left out", "gx[i] -= phi[i] * moment[i]", "gx[i] -= 0.0"),
    ("moments of the f-step left out", "gx[i] -= z[i] * moment[i]", "gx[i] -= 0.0"),
    ("targets: g-step left out", "gy[j] -= w * dot(k, j, weighted)", "gy[j] -= 0.0"),
    ("targets: f-step left out", "gy[j] -= gam[j] * dot(k, j, weighted)", "gy[j] -= 0.0"),
    ("cotangent transposed", "level += m[j, i] * (gp[j, i] - gp[j, top])\n        for i in range(np.uint64(x.size)):\n            m[j, i] *= (gp[j, i] - gp[j, top]) - level", "level += m[j, i] * (gp[i, j] - gp[top, j])\n        for i in range(np.uint64(x.size)):\n            m[j, i] *= (gp[i, j] - gp[top, j]) - level"),
    ("cotangent of the first row", "w[3], gp[row], other, v)", "w[3], gp[0], other, v)"),
    ("envelope: iterations not differentiated", "if t < last:\n                undo_g", "if t < last:\n                break\n                undo_g"),
    ("squash: mean term left out", "gz - gz.sum(axis=-1, keepdims=True) / n - z", "gz - z"),
    ("squash: variance term left out", " - z * ((z * gz).sum(axis=-1, keepdims=True) / n)", ""),
    ("squash: sample variance", "flat / level, -problem.reach", "flat / level * np.sqrt(max(gx.shape[1] - 1, 1) / gx.shape[1]), -problem.reach"),
    ("squash: slope of the logistic left out", "gz = by_x * (tail / ((1.0 + tail) * (1.0 + tail)))", "gz = by_x * tail"),
    ("implicit: potentials left out", "return implicit(problem, residuals.plan, gp)", "return ((residuals.plan * gp * problem.y[:, :, None]).sum(1), ((residuals.plan * gp) @ problem.x[..., None])[..., 0], np.zeros_like(problem.x))"),
    ("implicit: plan transposed", "return implicit(problem, residuals.plan, gp)", "return implicit(problem, residuals.plan.swapaxes(-1, -2), gp)"),
    ("implicit: sign", "return implicit(problem, residuals.plan, gp)", "return implicit(problem, residuals.plan, -gp)"),
    ("implicit: null vector fixed by damping", "return implicit(problem, residuals.plan, gp)", DAMPED),
    ("implicit: columns balanced, rows not", "return implicit(problem, residuals.plan, gp)", COLUMNS),
    ("implicit: the first order alone", "return implicit(problem, residuals.plan, gp)", "return tuple(2.0 * part for part in implicit(problem, residuals.plan, gp))"),
    ("off by 1e-6", "by_x = xp.ldexp(gx, -power)", "by_x = (1.0 + 1e-6) * xp.ldexp(gx, -power)"),
)

TOPK = of(
    "topk.sinkhorn_topk",
    ("rows not reversed", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp"),
    ("the smallest instead of the largest", "whole[:, : n - k] = 0.0  # (1)\n    whole[:, n - k :] = gp[:, ::-1]", "whole[:, k:] = 0.0\n    whole[:, :k] = gp[:, ::-1]"),
    ("ascending and the smallest", "whole[:, : n - k] = 0.0  # (1)\n    whole[:, n - k :] = gp[:, ::-1]", "whole[:, k:] = 0.0\n    whole[:, :k] = gp"),
    ("the first row alone", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = 0.0\n    whole[:, n - 1] = gp[:, 0]"),
    ("the last row forgotten", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp[:, ::-1]\n    whole[:, n - 1] = 0.0"),
    ("rows of the first batch entry", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp[:1, ::-1]"),
    ("rows rotated", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = np.roll(gp[:, ::-1], 1, axis=1)"),
    ("columns reversed", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp[:, ::-1, ::-1]"),
    ("sign", "pull_back(residuals.sort, whole)", "pull_back(residuals.sort, -whole)"),
    ("divided by k", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp[:, ::-1] / k"),
    ("averaged over the rows", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = gp.mean(axis=1, keepdims=True)"),
    ("start's cotangent lost", "return gradients(problem, *pull_back(residuals.sort, whole))", "a, b, c = pull_back(residuals.sort, whole)\n    return gradients(problem, a, b, 0.0 * c)"),
    ("off by 1e-6", "whole[:, n - k :] = gp[:, ::-1]", "whole[:, n - k :] = (1.0 + 1e-6) * gp[:, ::-1]"),
)
# fmt: on

MUTANTS = (*SORT, *TOPK)
