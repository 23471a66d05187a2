"""Top-k on the device; notation as in ``refimpl/topk``."""
