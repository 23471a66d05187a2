"""The package difftopk (PyTorch) as an implementation of the top-k operators, and of NeuralSort and SoftSort.

What is only a convention is turned into ours here, one line each; what is wrong stays as it is, for the check to find:

    its matrices are (n, k), the largest in the last column: ours is the transpose, upside down
    steepness is beta, "reciprocal" with beta/4 of ours; a tensor of one per row, shaped (batch, 1), works in the dense form
    NeuralSort transposes too; tau is one number, or a tensor that broadcasts
    its networks and matrices are float32 whatever comes in (K-01): the networks are made float64 here
    "splitter" is offered in sparse form only, which needs torch_sparse: its one function is stood in for by plain PyTorch
    the loss is the mean of a batch, of log(p (1 - 2e-7) + 1e-7) where ours is log(max(p, pmin)): taken row by row, undone
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

import torch

with contextlib.redirect_stdout(io.StringIO()):  # K-11: it prints on import
    import difftopk
    import difftopk.functional

from refimpl import NotOffered
from validation.peers import Check, Witness, error_of
from validation.peers.diffsort_package import CDFS, STEEPNESS


def spmm(index: Any, value: Any, m: int, n: int, matrix: Any) -> Any:
    """torch_sparse.spmm in plain PyTorch."""
    return torch.sparse.mm(torch.sparse_coo_tensor(index, value, (m, n)).coalesce(), matrix)


if not difftopk.functional.SPARSE_INSTALLED:
    difftopk.functional.torch_sparse = SimpleNamespace(spmm=spmm)
    difftopk.functional.SPARSE_INSTALLED = True


@contextlib.contextmanager
def float64() -> Iterator[None]:
    """What it makes itself, without saying of which type, is float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@cache
def network_of(name: str, n: int, k: int) -> Any:
    """The network as difftopk makes it, its matrices (not its indices) in float64."""
    kind = {"splitter": "sparse_splitter_selection"}.get(name, name)
    with contextlib.redirect_stdout(io.StringIO()):
        layers = difftopk.get_sorting_network(kind, n, "cpu", k)
    return [[*(matrix.double() for matrix in layer[:4]), *layer[4:]] for layer in layers]


def network_topk(x: Any, *, k: int, network: str = "splitter", cdf: str = "cauchy", beta: Any, lam: Any = None) -> Any:
    if cdf not in CDFS or network not in ("splitter", "bitonic", "odd_even"):
        raise NotOffered("a sigmoid or a network of one's own")
    n = x.shape[-1]
    if n == 1 or (network == "bitonic" and n & (n - 1)):
        raise NotOffered("one value, or a bitonic network that is another one than ours")  # D-07, D-01
    rows = x.reshape(-1, n).double()
    steepness = (STEEPNESS.get(cdf, 1.0) * beta).expand(x.shape[:-1]).reshape(-1, 1)
    with float64(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # D-03
        _, matrix = difftopk.topk(
            network_of(network, n, k),
            rows,
            k,
            steepness,
            0.25 if lam is None else lam,
            CDFS[cdf],
            network == "splitter",
        )
    return matrix.flip(-1).transpose(-1, -2).reshape(*x.shape[:-1], k, n).to(x.dtype)


def neural_sort(s: Any, *, tau: Any) -> Any:
    """In float32, as it can nothing else."""
    rows = s.reshape(-1, s.shape[-1]).float()
    scale = tau.expand(s.shape[:-1]).reshape(-1, 1, 1).float()
    return difftopk.NeuralSort(scale)(rows).flip(-1).transpose(-1, -2).reshape(*s.shape, s.shape[-1])


def neural_topk(s: Any, *, k: int, tau: Any) -> Any:
    return neural_sort(s, tau=tau)[..., :k, :]


def soft_sort(s: Any, *, tau: Any, power: int = 1) -> Any:
    rows = s.reshape(-1, s.shape[-1])
    return difftopk.SoftSort(tau.expand(s.shape[:-1]).reshape(-1, 1, 1), pow=power)(rows).reshape(*s.shape, s.shape[-1])


def soft_topk(s: Any, *, k: int, tau: Any, power: int = 1) -> Any:
    return soft_sort(s, tau=tau, power=power)[..., :k, :]


def loss_module(n: int, weights: Any, sort: Callable[[Any], Any], m: int | None = None) -> Any:
    """Its loss, with another sorter put in."""
    module = difftopk.TopKCrossEntropyLoss("softsort", 1.0, weights, n=n, m=m, top1_mode="sort")
    module.sort_fn = sort
    return module


def topk_loss(P_k: Any, label: Any, weights: Any) -> Any:
    """The loss of each row, from a sorter that gives P_k whatever it is asked."""
    k, n = P_k.shape[-2:]
    if k > n or not P_k.numel():
        raise NotOffered("more ranks than classes, or an empty batch")
    if P_k.isnan().any():
        raise NotOffered("NaN: it reads rows of weight 0 too")
    label = torch.as_tensor(label).long()
    batch = torch.broadcast_shapes(P_k.shape[:-2], label.shape)
    matrices = P_k.expand(*batch, k, n).reshape(-1, k, n)
    losses = []
    for row, y in zip(matrices, label.expand(batch).reshape(-1), strict=True):
        columns = torch.cat([torch.zeros(n, n - k, dtype=row.dtype), row.flip(0).T], 1)[None]
        module = loss_module(n, [float(w) for w in weights], lambda outputs, given=columns: given)
        losses.append(module(torch.zeros(1, n, dtype=row.dtype), y[None]))
    p = ((-torch.stack(losses)).exp() - 1e-7) / (1.0 - 2e-7)
    if not bool((p > 1e-6).all()):
        raise NotOffered("probabilities of the size of its 1e-7")
    return -p.log().reshape(batch)


def subset(x: Any, label: Any, m: int) -> Any:
    """What its loss hands to the sorter."""
    n = x.shape[-1]
    if not 1 < m < n:
        raise NotOffered("m = 1 or m = n")
    label = torch.as_tensor(label).long()
    batch = torch.broadcast_shapes(x.shape[:-1], label.shape)
    labels = label.expand(batch).reshape(-1)
    handed: list[Any] = []

    def sort(outputs: Any) -> Any:
        handed.append(outputs)
        return torch.eye(m, dtype=x.dtype).expand(len(outputs), m, m)

    loss_module(n, [1.0], sort, m)(x.expand(*batch, n).reshape(-1, n), labels)
    return handed[0].reshape(*batch, m)


# What is expected of the checks

HUGE = ("wrong", "K-07")
EXACT = {"cdf": ("logistic", "reciprocal", "cauchy")}

CHECKS = (
    Check("topk.network_topk", network_topk, "difftopk", "torch", EXACT, {"runs": ("crashed", "K-08")}, 4),
    Check("sorting.neural_sort", neural_sort, "difftopk in float32", "torch"),
    Check("topk.neural_topk", neural_topk, "difftopk in float32", "torch"),
    Check("sorting.soft_sort", soft_sort, "difftopk", "torch", {}, {"s": HUGE, "tau": HUGE}, 3),
    Check("topk.soft_topk", soft_topk, "difftopk", "torch", {}, {"s": HUGE, "tau": HUGE}, 3),
    Check("topk.topk_loss", topk_loss, "difftopk", "torch"),
    Check("topk.subset", subset, "difftopk", "torch", {}, {"x": ("wrong", "among equal scores it chooses others")}),
)


# Witnesses: the smallest input for each row of BUGS.md


def in_float64() -> str:
    x = torch.zeros(1, 4, dtype=torch.float64)
    modules = {
        "NeuralSort": difftopk.NeuralSort(),
        "DiffTopkNet": difftopk.DiffTopkNet("odd_even", 4, 2),
        "SoftSort": difftopk.SoftSort(),
    }
    return " ".join(name for name, module in modules.items() if error_of(lambda module=module: module(x)) != "none")


def hard_columns(scores: list[float], tau: float) -> str:
    return str(difftopk.NeuralSort(tau=tau, hard=True)(torch.tensor([scores]))[0].sum(0).tolist())


def gradient(function: Callable[[Any], Any], x: list[float]) -> str:
    leaf = torch.tensor([x], requires_grad=True)
    (found,) = torch.autograd.grad(function(leaf), leaf)
    return str([round(value, 4) for value in found[0].tolist()])


def unsorted_top() -> str:
    x = torch.zeros(1, 22)
    x[0, [0, 2]] = 1.0
    _, p = difftopk.DiffTopkNet("bitonic", 22, 2, steepness=1e6, distribution="logistic")(x)
    return str([round(value, 2) for value in (x @ p)[0, 0].tolist()])


def steepness_gradient() -> str:
    beta, x = torch.tensor(2.0, requires_grad=True), torch.tensor([[0.0, 1.0]], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        difftopk.DiffTopkNet("odd_even", 2, 1, steepness=beta, distribution="gaussian")(x)[1][0, 0, 0].backward()
    return str(beta.grad)


def empty_batch(sparse: bool) -> str:
    name = "splitter_selection" if sparse else "odd_even"
    with contextlib.redirect_stdout(io.StringIO()):
        net = difftopk.DiffTopkNet(name, 3, 2, sparse=sparse)
    return error_of(lambda: net(torch.zeros(0, 3)))


def printed() -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        difftopk.DiffTopkNet("splitter_selection", 4, 2, sparse=True)
    return out.getvalue().strip()


LOSS = ("odd_even", 1.0, [0.5, 0.5])

WITNESSES = (
    Witness("K-01", "modules that refuse float64", in_float64, "NeuralSort DiffTopkNet"),
    Witness(
        "K-02",
        "TopKCrossEntropyLoss with its default distribution",
        lambda: error_of(lambda: difftopk.TopKCrossEntropyLoss(*LOSS, n=4)(torch.zeros(1, 4), torch.tensor([0]))),
        "NotImplementedError",
    ),
    Witness(
        "K-03",
        "NeuralSort(tau=10, hard=True) of 0, 1, 10: column sums (a permutation has ones)",
        lambda: hard_columns([0.0, 1.0, 10.0], 10.0),
        "[2.0, 0.0, 1.0]",
    ),
    Witness(
        "K-04",
        "SmoothTopKLoss, k = 1, equal scores: gradient (exact: -0.8446, 0.4223, 0.4223)",
        lambda: gradient(lambda x: difftopk.SmoothTopKLoss(3, 1)(x, torch.tensor([0])), [0.0, 0.0, 0.0]),
        "[-0.8446, -0.4223, -0.4223]",
    ),
    Witness(
        "K-05", "DiffTopkNet('bitonic', 22, 2): the two largest of two ones (exact: 1, 1)", unsorted_top, "[0.0, 1.0]"
    ),
    Witness(
        "K-05",
        "DiffTopkNet('bitonic', 1, 1)",
        lambda: error_of(lambda: difftopk.DiffTopkNet("bitonic", 1, 1)(torch.zeros(1, 1))),
        "IndexError",
    ),
    Witness(
        "K-06",
        "SoftSort(pow=0.5): gradient",
        lambda: gradient(lambda x: difftopk.SoftSort(pow=0.5)(x)[0, 0, 0], [1.0, 2.0, 4.0]),
        "[nan, nan, nan]",
    ),
    Witness(
        "K-07",
        "NeuralSort of 3e38, -3e38, 0, float32",
        lambda: str(difftopk.NeuralSort()(torch.tensor([[3e38, -3e38, 0.0]]))[0, 0].tolist()),
        "[nan, nan, nan]",
    ),
    Witness("K-08", "an empty batch, sparse", lambda: empty_batch(True), "ZeroDivisionError"),
    Witness("K-08", "an empty batch, dense", lambda: empty_batch(False), "none"),
    Witness("K-09", "gaussian: gradient for the steepness", steepness_gradient, "None"),
    Witness(
        "K-10",
        "k = 5 of 3 values: columns of the matrix",
        lambda: str(difftopk.DiffTopkNet("odd_even", 3, 5)(torch.zeros(1, 3))[1].shape[-1]),
        "3",
    ),
    Witness("K-11", "printed by DiffTopkNet('splitter_selection', 4, 2, sparse=True)", printed, "3 layers 4 2"),
)
