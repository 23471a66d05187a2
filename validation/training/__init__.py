"""Ranking supervision: a network learns numbers from nothing but the order of sets of them."""
