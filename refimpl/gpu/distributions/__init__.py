"""Distribution functions and densities on the device; notation as in ``refimpl/distributions``."""
