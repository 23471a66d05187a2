"""Golden vectors: inputs, cotangents, and the values and gradients that a right implementation gives, as plain arrays.

    for case in vectors.load("sorting.swap"):
        y, pullback = my_swap(**case.args)                 # compare with case.outputs, case.grads, within case.tol

They come from 50-digit arithmetic, or from an operator's declared oracle where its file says so, never from a kernel.
``verify`` judges a program's answers, or an ``Impl``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from refimpl import catalog
from refimpl.checking.bits import BadBits
from refimpl.checking.child import ProgramFailed
from refimpl.checking.doors import Impl, one_operator
from refimpl.checking.implementation import BadAnswer, Implementation, NotOffered, nothing, reference
from refimpl.checking.packing import pack, parts
from refimpl.checking.vectors_answers import answers_of
from refimpl.checking.vectors_format import FOLDER, BadVectors, Tolerance, Vector, manifest, read, vector_of
from refimpl.checking.vectors_judge import Given, Judged, Verified, judge
from refimpl.op import AnyOp

__all__ = ["BadVectors", "Given", "Judged", "Tolerance", "Vector", "Verified", "answers_of", "judge", "load", "verify"]


def load(op: str | AnyOp, folder: Path = FOLDER) -> list[Vector]:
    """The cases of an operator.

    Parameters
    ----------
    op : str or operator
        "sorting.swap", "swap", or the operator itself.
    folder : Path, optional
        Where the vectors are; default: those that come with this library.

    Returns
    -------
    list of Vector
        In the order of their ids.

    Raises
    ------
    BadVectors
        The file is missing, cut short, edited, or of another format.

    Examples
    --------
    >>> from refimpl.checking import vectors
    >>> case = vectors.load("sorting.swap")[2]
    >>> case.op, case.args["cdf"], case.tags
    ('sorting.swap', 'cauchy', ('basic', 'odd_size'))
    """
    name = one_operator(op).id
    listed = [entry for entry in manifest(folder)["files"] if entry.get("op") == name]
    path = folder / f"{name}.json"
    if not listed:
        raise BadVectors(f"{folder} has no vectors for {name}")
    _, cases = read(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != listed[0].get("sha256"):
        raise BadVectors(f"{path} is not the file that the manifest describes; 'refimpl vectors lint' says more")
    try:
        return [vector_of(name, case) for case in cases]
    except (BadBits, KeyError, TypeError, AttributeError) as failure:
        raise BadVectors(f"{path}: a case is no case: {type(failure).__name__}: {failure}") from failure


def verify(
    subject: Impl | Path | str | None = None,
    ops: Iterable[str | AnyOp] | None = None,
    folder: Path = FOLDER,
    progress: Callable[[str], None] = lambda text: None,
) -> Verified:
    """Hold answers against the vectors.

    Parameters
    ----------
    subject : Impl, or path of a file of answers, optional
        A file has one JSON object a line, as a program answers the lines of ``refimpl vectors export --as requests``.
        Without a subject: this library itself.
    ops : operators, optional
        Default: all that have vectors.
    folder : Path, optional
        Where the vectors are.

    Returns
    -------
    Verified
        A verdict for every case; ``text()`` for people, ``exit_code`` for programs.

    Raises
    ------
    BadVectors
        Vectors or answers that cannot be read: cut short, of another format, about unknown cases.
    """
    known = [operator.id for operator in catalog.OPERATORS]
    held = [entry["op"] for entry in manifest(folder)["files"] if entry.get("op") in known]
    chosen = held if ops is None else [one_operator(op).id for op in ops]
    cases = {op: load(op, folder) for op in chosen}
    if isinstance(subject, Path | str):
        others = [case for op in held if op not in cases for case in load(op, folder)]
        everything = {case.request for of in (*cases.values(), others) for case in of}
        answers = answers_of(Path(subject), everything)
        found = [judge(case, answers.by_request.get(case.request, Given())) for op in chosen for case in cases[op]]
        return Verified(answers.name, tuple(found), answers.remarks)
    judged = []
    for op in chosen:
        progress(f"vectors of {op}")
        implementation = _implementation(subject, one_operator(op))
        judged += [judge(case, _run(case, implementation)) for case in cases[op]]
    return Verified("refimpl" if subject is None else subject.name, tuple(judged))


def _implementation(subject: Impl | None, op: AnyOp) -> Implementation:
    if subject is None:
        return reference(op)
    return subject.get(op) or nothing(op, subject.name)


def _run(case: Vector, implementation: Implementation) -> Given:
    """Ask an implementation for one case; whatever it does is an answer."""
    args = {name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in case.args.items()}
    op = one_operator(case.op)
    try:
        with np.errstate(all="ignore"):
            answer = implementation.run(args)
            outputs = list(parts(op, args, answer.y))
            if case.cotangents is None:
                return Given(outputs, {})
            given = [np.array(g) for g in case.cotangents]
            grads = answer.pull(pack(op, tuple(given)))
        return Given(outputs, {name: grad for name, grad in grads.items() if grad is not None})
    except NotOffered as skip:
        return Given(skip=str(skip) or "not offered")
    except (ProgramFailed, BadAnswer, SystemExit) as failure:
        return Given(broken=f"{type(failure).__name__}: {failure}"[:300])
    except Exception as failure:  # what refuses an input may raise anything
        return Given(error=f"{type(failure).__name__}: {failure}"[:300])
