"""Sorting networks on the device; notation as in ``refimpl/sorting``."""
