"""``refimpl list`` and ``refimpl show``: what there is."""

from __future__ import annotations

import argparse
import inspect
from typing import Any


def add(commands: Any) -> None:
    listing = commands.add_parser("list", help="every operator: source, differentiable arguments, CPU and GPU")
    listing.set_defaults(run=run_list)
    showing = commands.add_parser("show", help="one operator: signature, equation, laws, errata")
    showing.add_argument("name", help="sorting.network_sort, or network_sort, or a room")
    showing.set_defaults(run=run_show)


def run_list(options: argparse.Namespace) -> int:
    from refimpl.catalog import ROOMS

    for room in ROOMS:
        print(f"{room.__name__.rpartition('.')[2]}: {(inspect.getdoc(room) or '').splitlines()[0]}")
        for op in room.OPERATORS:
            places = "CPU, GPU" if op.gpu else "CPU"
            print(f"  {op.id:<30} {places:<9} d/d({', '.join(op.differentiable)})")
            print(f"  {'':<30} {op.sources[0].where}")
    return 0


def run_show(options: argparse.Namespace) -> int:
    from refimpl import catalog

    for op in catalog.find(options.name):
        print(f"{op.id}{op.signature}\n")
        print(op.__doc__)
        print(f"\nBackward is the {op.backward_is}." if op.backward_is != "derivative" else "")
        print("Arguments")
        for argument in op.args:
            slope = "differentiable" if argument.differentiable else "not differentiable"
            print(f"  {argument.name:<10} {argument.shape or 'scalar':<8} {slope:<19} {argument.domain}")
        print(f"\nTolerance\n  {op.tol.value:g} ulp in value, {op.tol.gradient:g} in gradient: {op.tol.why}")
        print("\nLaws")
        for law in op.laws:
            mark = "false" if law.false else "holds"
            twin = "" if law.false or not (law.forward and law.backward) else "  [and its backward twin]"
            print(f"  {mark}  {law.name}: {law.statement}{twin}")
        print("\nSources and errata")
        for source in op.sources:
            print(f"  {source.where}: {source.what}" + (f"; departs: {source.departs}" if source.departs else ""))
        print(f"\nGPU\n  {op.gpu or 'none: ' + op.no_gpu}\n")
    return 0
