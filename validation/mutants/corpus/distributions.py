"""Wrong backward passes of cdf and pdf."""

from __future__ import annotations

from validation.mutants.mutant import of

# fmt: off
CDF = of(
    "distributions.cdf",
    ("scale not divided out of x", "gx[e] = g * per_x if", "gx[e] = g if"),
    ("sign of scale", "gscale[e] = -(g * u) / tau", "gscale[e] = (g * u) / tau"),
    ("scale divided out once too few", "gscale[e] = -(g * u) / tau", "gscale[e] = -g * u"),
    ("x for u in scale", "gscale[e] = -(g * u) / tau", "gscale[e] = -(g * x[e]) / tau"),
    ("mirror forgotten in shift", "gshift[e] = -g if reversed else g", "gshift[e] = g"),
    ("mirror counted twice in x", "gx[e] = g * per_x if", "gx[e] = (-g if reversed else g) * per_x if"),
    ("density at the unshifted argument", "v = shift[e * per_shift] + (-u if reversed else u)\n            _, _, density", "v = -u if reversed else u\n            _, _, density"),
    ("mirror forgotten in the density", "v = shift[e * per_shift] + (-u if reversed else u)\n            _, _, density", "v = shift[e * per_shift] + u\n            _, _, density"),
    ("density of the first element's scale", "tau, p = scale[e * per_scale], shape[e * per_shape]\n            u, per_x = argument(x[e], tau, squared)\n            v", "tau, p = scale[0], shape[e * per_shape]\n            u, per_x = argument(x[e], tau, squared)\n            v"),
    ("mirror forgotten in shape", "gshape[e] = gy[e] * (-slope if reversed else slope)", "gshape[e] = gy[e] * slope"),
    ("value for density", "_, _, density = law(code, v, p)", "density, _, _ = law(code, v, p)"),
    ("off by 1e-9", "g = gy[e] * density", "g = (1.0 + 1e-9) * gy[e] * density"),
    ("dead beyond |u| = 3", "g = gy[e] * density", "g = gy[e] * density if abs(u) < 3.0 else 0.0"),
    ("sign of the cotangent only", "g = gy[e] * density", "g = np.sign(gy[e]) * density"),
    ("scale's gradient averaged", "scale=unbroadcast(gscale.reshape(x_shape), scale_shape)", "scale=unbroadcast(gscale.reshape(x_shape) / gscale.size, scale_shape)"),
)

PDF = of(
    "distributions.pdf",
    ("bend of the squared argument left out", "if squared and density != 0.0 and x[e] != 0.0:", "if False:"),
    ("sign lost in the bend", "math.copysign(1.0, x[e])", "1.0"),
    ("du/dx once for twice", "(per_u * w if per_u != 0.0 else 0.0) + bend", "(per_u if per_u != 0.0 else 0.0) + bend"),
    ("mirror forgotten", "per_u = s * per_v * w", "per_u = per_v * w"),
    ("width of the density forgotten in scale", "(density * w if density != 0.0 else 0.0)", "0.0"),
    ("sign of scale", "gscale[e] = -g * along / tau", "gscale[e] = g * along / tau"),
    ("mirror forgotten in shift", "gshift[e] = g * s * per_u", "gshift[e] = g * per_u"),
    ("density for its slope", "per_v = density_slope(code, v, p)", "per_v = density"),
    ("du/dx forgotten in shape", "g * per_p * w if", "g * per_p if"),
    ("scale divided out once too few", "gscale[e] = -g * along / tau", "gscale[e] = -g * along"),
)
# fmt: on

MUTANTS = (*CDF, *PDF)
