"""Speed, as ratios taken in one run: refimpl beside its rivals, and beside floors measured on the same machine."""
