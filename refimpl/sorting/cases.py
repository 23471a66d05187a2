"""Named inputs of the network operators, refused ones among them."""

from __future__ import annotations

import math

import numpy as np

from refimpl.op import Case, Values

# Named inputs. Expected values are those of the equation sheet (plain float64 scripts, independent of these kernels).

X3 = np.array([3.0, 1.0, 2.0])
SHEET = "equation sheet, sorting.network, golden values"
ODD_EVEN_3: dict[str, tuple[Values, list[float]]] = {
    "logistic": ({"beta": 1.0}, [1.507634862727, 1.973186597501, 2.519178539772]),
    "reciprocal": ({"beta": 1.0}, [1.364021164021, 1.989824989825, 2.646153846154]),
    "cauchy": ({"beta": 1.0}, [1.537310081896, 1.972527929523, 2.490161988582]),
    "optimal": ({"beta": 0.2}, [1.60537097168, 1.95634777832, 2.43828125]),
    "art": ({"beta": 1.0, "lam": 0.25}, [1.570276702902, 1.963014744527, 2.466708552571]),
}
REFUSED = (
    Case(name="complex x", args={"x": np.array([1j, 2.0]), "beta": 1.0}, error=(TypeError, "complex128")),
    Case(name="object x", args={"x": np.array([1, None], object), "beta": 1.0}, error=(TypeError, "object")),
    Case(
        name="masked x",
        args={"x": np.ma.masked_array([1.0, 2.0], [False, True]), "beta": 1.0},
        error=(TypeError, "masked"),
    ),
    Case(name="half precision x", args={"x": np.zeros(2, np.float16), "beta": 1.0}, error=(TypeError, "float16")),
    Case(name="no values", args={"x": np.zeros((2, 0)), "beta": 1.0}, error=(ValueError, "nothing to sort")),
    Case(name="scalar x", args={"x": np.float64(1.0), "beta": 1.0}, error=(ValueError, "at least 1 axis")),
    Case(name="infinite x", args={"x": np.array([1.0, np.inf]), "beta": 1.0}, error=(ValueError, "infinite at index")),
    Case(name="unknown cdf", args={"x": X3, "beta": 1.0, "cdf": "cauchi"}, error=(ValueError, "did you mean 'cauchy'")),
    Case(
        name="unknown network",
        args={"x": X3, "beta": 1.0, "network": "bitonik"},
        error=(ValueError, "did you mean 'bitonic'"),
    ),
    Case(name="beta 0", args={"x": X3, "beta": 0.0}, error=(ValueError, "finite values > 0")),
    Case(name="beta negative", args={"x": X3, "beta": -1.0}, error=(ValueError, "finite values > 0")),
    Case(name="beta NaN", args={"x": X3, "beta": math.nan}, error=(ValueError, "finite values > 0")),
    Case(name="beta of the wrong shape", args={"x": X3, "beta": np.ones(2)}, error=(ValueError, "broadcasts")),
    Case(name="lam without art", args={"x": X3, "beta": 1.0, "lam": 0.5}, error=(TypeError, "cdf='art' only")),
    Case(name="lam 1", args={"x": X3, "beta": 1.0, "cdf": "art", "lam": 1.0}, error=(ValueError, "0 <= lam < 1")),
    Case(
        name="wire out of range",
        args={"x": X3, "beta": 1.0, "network": [[(0, 3)]]},
        error=(ValueError, "(0, 3) in layer 0"),
    ),
    Case(
        name="wire used twice", args={"x": X3, "beta": 1.0, "network": [[(0, 1), (1, 2)]]}, error=(ValueError, "twice")
    ),
    Case(name="no pairs", args={"x": X3, "beta": 1.0, "network": 3}, error=(TypeError, "pairs of wires")),
)
PLAIN = (
    Case(name="one value", args={"x": np.array([2.5]), "beta": 1.0}, tags=("size_one",)),
    Case(name="all equal", args={"x": np.full(5, 1.5), "beta": 2.0}, tags=("ties",)),
    Case(name="ties", args={"x": np.array([1.0, 0.0, 1.0, 0.0]), "beta": 3.0, "cdf": "logistic"}, tags=("ties",)),
    Case(name="nearly hard", args={"x": np.array([0.3, -1.2, 2.0, 0.7]), "beta": 1e6}, tags=("saturated",)),
    Case(name="nearly flat", args={"x": np.array([0.3, -1.2, 2.0]), "beta": 1e-6}, tags=("boundary",)),
    Case(name="hard", args={"x": np.array([3.0, 1.0, 2.0, 1.0]), "beta": 1.0, "cdf": "heaviside"}, tags=("kink",)),
    Case(name="empty batch", args={"x": np.zeros((0, 3)), "beta": 1.0}, tags=("empty",)),
    Case(
        name="two batch axes",
        args={"x": np.arange(12.0).reshape(2, 2, 3) % 5.0, "beta": np.array([[1.0], [4.0]])},
        tags=("batch", "broadcast"),
    ),
    Case(
        name="custom network",
        args={"x": np.array([2.0, 0.5, 1.0]), "beta": 2.0, "network": [[(2, 0)], [(1, 2)]]},
        tags=("basic",),
    ),
    Case(name="65 wires", args={"x": 3.0 * np.sin(np.arange(65.0) ** 2), "beta": 5.0}, tags=("odd_size",)),
    Case(name="300 wires", args={"x": 3.0 * np.sin(np.arange(300.0) ** 2), "beta": 5.0}, tags=("non_power_of_two",)),
    Case(
        name="far apart",
        args={"x": np.array([-500.0, 30.0, 1000.0, -2.0, 0.5]), "network": "odd_even", "beta": 1.0},
        tags=("extreme_large",),
    ),
    Case(
        name="far apart, logistic",
        args={"x": np.array([-60.0, 90.0, 1.5, 0.5]), "cdf": "logistic", "beta": 1.0},
        tags=("saturated",),
    ),
    Case(
        name="NaN in one row", args={"x": np.array([[math.nan, 1.0, 2.0], [3.0, 1.0, 2.0]]), "beta": 1.0}, tags=("nan",)
    ),
    *(
        Case(
            name=f"{n} wires, {network}, {cdf}",
            args={"x": 2.0 * np.cos(np.arange(float(n)) ** 2), "network": network, "cdf": cdf, "beta": 1.5},
            tags=("odd_size", "non_power_of_two"),
        )
        for n, network, cdf in (
            (11, "odd_even", "cauchy"),
            (13, "bitonic", "logistic"),
            (17, "odd_even", "gaussian"),
            (33, "odd_even", "optimal"),
            (19, "bitonic", "reciprocal"),
            (12, "odd_even", "laplace"),
            (7, "bitonic", "heaviside"),
            (24, "odd_even", "logistic"),
        )
    ),
    Case(
        name="art without its exponent",
        args={"x": np.array([0.3, -1.2, 2.0, 0.7]), "cdf": "art", "lam": 0.0, "beta": 1.5},
        tags=("boundary",),
    ),
    Case(name="22 wires", args={"x": np.linspace(1.0, -1.0, 22) ** 3, "beta": 20.0}, tags=("non_power_of_two",)),
)
SORT_CASES = (
    *(
        Case(
            name=f"sheet, {cdf}",
            args={"x": X3, "network": "odd_even", "cdf": cdf, **more},
            tags=("basic",),
            expect=np.array(values),
            source=SHEET,
        )
        for cdf, (more, values) in ODD_EVEN_3.items()
    ),
    Case(
        name="sheet, bitonic",
        args={"x": np.array([0.5, -1.0, 2.0, 0.0]), "cdf": "cauchy", "beta": 2.0},
        tags=("basic",),
        expect=np.array([-0.543277676624, 0.083373660219, 0.426196186767, 1.533707829639]),
        source=SHEET,
    ),
    *PLAIN,
    *REFUSED,
)
PERMUTATION_CASES = (
    Case(
        name="sheet, cauchy",
        args={"x": X3, "network": "odd_even", "cdf": "cauchy", "beta": 1.0},
        tags=("basic",),
        expect=np.array(
            [
                [0.177087450343, 0.639777368448, 0.183135181209],
                [0.230116456742, 0.257588527219, 0.512295016039],
                [0.592796092915, 0.102634104333, 0.304569802752],
            ]
        ),
        source=SHEET,
    ),
    *PLAIN,
    *REFUSED,
)
