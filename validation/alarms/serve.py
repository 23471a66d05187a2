"""Our own operators as a program that speaks JSON lines: the other end of ``Impl.spawn``. Run by ``validation.alarms``.

python -m validation.alarms.serve < requests.jsonl > answers.jsonl
"""

from __future__ import annotations

import json
import sys
from typing import Any

from refimpl.catalog import OPERATORS
from refimpl.checking.bits import decode, decode_args, encode

BY_ID = {op.id: op for op in OPERATORS}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """One answer; a refusal is an answer too."""
    if "hello" in request:
        return {"protocol": 1, "name": "refimpl", "ops": list(BY_ID)}
    number = request.get("id")
    op = BY_ID.get(request["op"])
    if op is None:
        return {"id": number, "skip": f"no operator {request['op']}"}
    try:
        y, pullback = op.vjp(**decode_args(request["args"]))
        several = isinstance(y, tuple)
        found: dict[str, Any] = {"id": number, "outputs": [encode(one) for one in (y if several else (y,))]}
        if "cotangents" in request:
            g = tuple(decode(one) for one in request["cotangents"])
            gradients = pullback(g if several else g[0])._asdict()
            found["grads"] = {name: encode(one) for name, one in gradients.items() if one is not None}
    except (TypeError, ValueError) as refused:
        return {"id": number, "error": str(refused)}
    return found


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
