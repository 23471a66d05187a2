"""Checking implementations, the library's own and anybody else's. NumPy only.

``check``        is this implementation of an operator right?         -> Report
``Impl``         somebody's implementations, by five doors
``derivative``   finite differences with an error bound               -> Derivative
``judge``        is this number the derivative?                       -> Judgement
``compare``      two arrays in gauged ulps                            -> Comparison
``diagnose``     what is wrong with a wrong gradient, by name         -> Diagnosis
"""

from refimpl.checking.checker import check
from refimpl.checking.compare import Comparison, compare
from refimpl.checking.derivative import Derivative, Judgement, derivative, judge
from refimpl.checking.diagnosis import Diagnosis, Evidence, diagnose
from refimpl.checking.doors import Impl
from refimpl.checking.implementation import CannotLoad, Implementation, NotOffered
from refimpl.checking.report import Finding, Report

__all__ = [
    "CannotLoad",
    "Comparison",
    "Derivative",
    "Diagnosis",
    "Evidence",
    "Finding",
    "Impl",
    "Implementation",
    "Judgement",
    "NotOffered",
    "Report",
    "check",
    "compare",
    "derivative",
    "diagnose",
    "judge",
]
