"""Relative positions written as loops, the reference of the tests in this folder."""
import numpy as np


def index_loop(q_size, k_size):
    """The official float32 order: two products, their difference, then the constant."""
    rq, rk = np.float32(max(k_size / q_size, 1.0)), np.float32(max(q_size / k_size, 1.0))
    shift = np.float32((k_size - 1) * max(q_size / k_size, 1.0))
    return [[int((np.float32(i) * rq - np.float32(j) * rk) + shift) for j in range(k_size)]
            for i in range(q_size)]


def resize_loop(table, length):
    """Linear interpolation with half-pixel centres, clamped at both ends."""
    src = len(table)
    out = np.zeros((length, table.shape[1]))
    for i in range(length):
        pos = max((i + 0.5) * src / length - 0.5, 0.)
        low = min(int(pos), src - 1)
        high = min(low + 1, src - 1)
        out[i] = table[low] * (1 - (pos - low)) + table[high] * (pos - low)
    return out
