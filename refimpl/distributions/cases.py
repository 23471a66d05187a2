"""Named inputs of cdf and pdf, refused ones among them."""

from __future__ import annotations

import math

import numpy as np

from refimpl.op import Case

# Named inputs. Golden values of the equation sheet: F(-.7), F(.7), F(2.5) and f(.7).

SHEET = "equation sheet 5.1, golden values"
GOLDEN: dict[str, tuple[float, float, float, float]] = {
    "uniform": (0.15, 0.85, 1.0, 0.5),
    "cubic_hermite": (0.06075, 0.93925, 1.0, 0.3825),
    "wigner": (0.0940602021870937, 0.905939797812906, 1.0, 0.454637454055832),
    "gaussian": (0.241963652223073, 0.758036347776927, 0.993790334674224, 0.312253933366761),
    "laplace": (0.248292651895705, 0.751707348104295, 0.958957500688051, 0.248292651895705),
    "logistic": (0.331812227831834, 0.668187772168166, 0.924141819978756, 0.221712873293109),
    "hyperbolic_secant": (0.204652324473551, 0.795347675526449, 0.98745838421478, 0.299773203936119),
    "cauchy": (0.305599887785785, 0.694400112214215, 0.878881058409157, 0.213630796096504),
    "reciprocal": (0.294117647058824, 0.705882352941176, 0.857142857142857, 0.173010380622837),
    "gumbel_max": (0.133486796658084, 0.608605317804406, 0.921193655175516, 0.302224456630968),
    "gumbel_min": (0.391394682195594, 0.866513203341916, 0.999994880705701, 0.268809398181777),
    "exponential": (0.0, 0.50341469620859, 0.917915001376101, 0.49658530379141),
    "levy": (0.0, 0.231997723628734, 0.527089256865538, 0.333466845759821),
}
GOLDEN_GAMMA: dict[float, tuple[float, float, float, float]] = {
    0.5: (0.0, 0.763276429362143, 0.974652681322532, 0.334865114690167),
    2.0: (0.0, 0.155804983554604, 0.712702504816354, 0.347609712653987),
}
AT = np.array([-0.7, 0.7, 2.5])
X = np.array([0.3, -1.2])
REFUSED = (
    Case(name="complex x", args={"x": np.array([1j]), "family": "cauchy"}, error=(TypeError, "complex128")),
    Case(name="object x", args={"x": np.array([None]), "family": "cauchy"}, error=(TypeError, "object")),
    Case(name="text x", args={"x": np.array(["a"]), "family": "cauchy"}, error=(TypeError, "numbers")),
    Case(
        name="masked x", args={"x": np.ma.masked_array([1.0], [True]), "family": "cauchy"}, error=(TypeError, "masked")
    ),
    Case(
        name="half precision x", args={"x": np.zeros(2, np.float16), "family": "cauchy"}, error=(TypeError, "float16")
    ),
    Case(name="ragged x", args={"x": [[1.0], [1.0, 2.0]], "family": "cauchy"}, error=(ValueError, "ragged")),
    Case(name="unknown family", args={"x": X, "family": "gausian"}, error=(ValueError, "did you mean 'gaussian'")),
    Case(name="scale 0", args={"x": X, "family": "cauchy", "scale": 0.0}, error=(ValueError, "finite values > 0")),
    Case(
        name="scale NaN", args={"x": X, "family": "cauchy", "scale": math.nan}, error=(ValueError, "finite values > 0")
    ),
    Case(
        name="scale of the wrong shape",
        args={"x": X, "family": "cauchy", "scale": np.ones(3)},
        error=(ValueError, "broadcasts"),
    ),
    Case(
        name="shift infinite", args={"x": X, "family": "cauchy", "shift": math.inf}, error=(ValueError, "finite values")
    ),
    Case(name="gamma without shape", args={"x": X, "family": "gamma"}, error=(TypeError, "shape p > 0")),
    Case(
        name="shape without gamma",
        args={"x": X, "family": "levy", "shape": 1.0},
        error=(TypeError, "family='gamma' only"),
    ),
    Case(
        name="a word for a flag", args={"x": X, "family": "levy", "reversed": "yes"}, error=(TypeError, "True or False")
    ),
)
PLAIN = (
    Case(name="scalar", args={"x": 0.25, "family": "gaussian"}, tags=("size_one",)),
    Case(name="empty", args={"x": np.zeros((0, 3)), "family": "gaussian"}, tags=("empty",)),
    Case(name="infinities", args={"x": np.array([-np.inf, np.inf]), "family": "cauchy", "scale": 2.0}, tags=("inf",)),
    Case(
        name="wide, cauchy",
        args={"x": np.array([-1e6, -300.0, -20.0, 9.0, 55.0, 1e4]), "family": "cauchy"},
        tags=("extreme_large",),
    ),
    Case(
        name="wide, laplace",
        args={"x": np.array([-30.0, -12.0, -8.5, 8.5, 11.0, 30.0]), "family": "laplace"},
        tags=("saturated",),
    ),
    Case(name="NaN", args={"x": np.array([1.0, math.nan]), "family": "gumbel_max"}, tags=("nan",)),
    Case(name="far tail", args={"x": np.array([-30.0, 30.0]), "family": "logistic"}, tags=("saturated",)),
    Case(
        name="per row scale",
        args={"x": np.arange(6.0).reshape(2, 3), "family": "cauchy", "scale": np.array([[1.0], [3.0]])},
        tags=("broadcast",),
    ),
)
CDF_CASES = (
    *(
        Case(name=f"sheet, {family}", args={"x": AT, "family": family}, expect=np.array(golden[:3]), source=SHEET)
        for family, golden in GOLDEN.items()
    ),
    *(
        Case(
            name=f"sheet, gamma {p}",
            args={"x": AT, "family": "gamma", "shape": p},
            expect=np.array(golden[:3]),
            source=SHEET,
        )
        for p, golden in GOLDEN_GAMMA.items()
    ),
    Case(
        name="heaviside at its jump",
        args={"x": np.array([-1.0, 0.0, 1.0]), "family": "heaviside"},
        expect=np.array([0.0, 1.0, 1.0]),
        source="(A.1)",
        tags=("kink",),
    ),
    *PLAIN,
    *REFUSED,
)
PDF_CASES = (
    *(
        Case(name=f"sheet, {family}", args={"x": AT[1:2], "family": family}, expect=np.array(golden[3:]), source=SHEET)
        for family, golden in GOLDEN.items()
    ),
    *(
        Case(
            name=f"sheet, gamma {p}",
            args={"x": AT[1:2], "family": "gamma", "shape": p},
            expect=np.array(golden[3:]),
            source=SHEET,
        )
        for p, golden in GOLDEN_GAMMA.items()
    ),
    *PLAIN,
    *REFUSED,
)
