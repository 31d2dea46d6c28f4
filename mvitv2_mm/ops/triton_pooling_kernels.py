"""Triton kernels of ``triton_pooling.py``; importing this file needs triton.

A *row* is one head of one token, D channels. Rows are numbered token by token, so that the rows of
a program are neighbours in memory. Coordinates of rows are columns (BLOCK_ROWS, 1), channels are a
line (1, BLOCK_D). The first ``EXTRA`` tokens of a sample lie outside the (T, H, W) grid. Tensors of
rows have any stride per batch, token and head (``x_b, x_n, x_m``) and contiguous channels.

Only the innermost loop over taps is unrolled: unrolling all spills registers on ``sm_90``.
"""
import triton
import triton.language as tl


@triton.jit
def _rows(block, BLOCK_ROWS: tl.constexpr):
    return (block * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS))[:, None]


@triton.jit
def _locate(row, tokens, heads):
    """Batch, token and head of a row. The batch is 64 bit: large batches pass 2**31 elements."""
    token = row // heads
    return (token // tokens).to(tl.int64), token % tokens, row % heads


@triton.jit
def _coordinates(token, EXTRA: tl.constexpr, H, W):
    position = tl.maximum(token - EXTRA, 0)
    return position // (H * W), position // W % H, position % W


@triton.jit
def _load_position(x, x_n, t, h, w, T, H, W, EXTRA: tl.constexpr, mask):
    """Values at a grid position, zero outside the grid; ``x`` points at a sample's channels."""
    inside = mask & (t >= 0) & (t < T) & (h >= 0) & (h < H) & (w >= 0) & (w < W)
    return tl.load(x + (EXTRA + (t * H + h) * W + w) * x_n, mask=inside, other=0.)


@triton.jit
def _convolve(x, x_n, taps, token, t, h, w, T, H, W, mask, channel, D: tl.constexpr,
              EXTRA: tl.constexpr, KT: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr,
              ACC: tl.constexpr):
    """Sum of the taps of windows that start at (t, h, w); extra tokens are passed on."""
    in_grid = mask & (token >= EXTRA)
    total = tl.load(x + token * x_n, mask=mask & (token < EXTRA), other=0.).to(ACC)
    for kt in range(KT):
        for kh in range(KH):
            for kw in tl.static_range(KW):
                tap = tl.load(
                    taps + ((kt * KH + kh) * KW + kw) * D + channel, mask=channel < D, other=0.)
                value = _load_position(x, x_n, t + kt, h + kh, w + kw, T, H, W, EXTRA, in_grid)
                total += value.to(ACC) * tap.to(ACC)
    return total


@triton.jit
def _normalize(x, valid, D: tl.constexpr, EPS: tl.constexpr):
    """Rows with zero mean and unit variance, and what they were multiplied with."""
    centred = tl.where(valid, x - (tl.sum(x, axis=1) / D)[:, None], 0.)
    scale = (1. / tl.sqrt(tl.sum(centred * centred, axis=1) / D + EPS))[:, None]
    return centred * scale, scale


@triton.jit
def pool_kernel(x, taps, norm_weight, norm_bias, out, num_rows, heads, x_b, x_n, x_m, T, H, W, OT,
                OH, OW, D: tl.constexpr, EXTRA: tl.constexpr, KT: tl.constexpr, KH: tl.constexpr,
                KW: tl.constexpr, ST: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
                NORM: tl.constexpr, EPS: tl.constexpr, ACC: tl.constexpr, BLOCK_ROWS: tl.constexpr,
                BLOCK_D: tl.constexpr):
    """Pool and norm the rows of the output: one block of rows per program."""
    row, channel = _rows(tl.program_id(0), BLOCK_ROWS), tl.arange(0, BLOCK_D)[None, :]
    mask = (row < num_rows) & (channel < D)
    batch, token, head = _locate(row, EXTRA + OT * OH * OW, heads)
    t, h, w = _coordinates(token, EXTRA, OH, OW)
    x += batch * x_b + head * x_m + channel
    y = _convolve(x, x_n, taps, token, t * ST - KT // 2, h * SH - KH // 2, w * SW - KW // 2, T, H,
                  W, mask, channel, D, EXTRA, KT, KH, KW, ACC)
    if NORM:
        y, _ = _normalize(y, channel < D, D, EPS)
        y *= tl.load(norm_weight + channel, mask=channel < D, other=0.).to(ACC)
        y += tl.load(norm_bias + channel, mask=channel < D, other=0.).to(ACC)
    tl.store(out + row.to(tl.int64) * D + channel, y, mask=mask)


@triton.jit
def _add_over_rows(sums, values, D: tl.constexpr, BLOCK_D: tl.constexpr):
    """Add the sum over rows to D sums in memory."""
    lane = tl.arange(0, BLOCK_D)
    tl.atomic_add(sums + lane, tl.sum(values, axis=0), mask=lane < D, sem='relaxed')


@triton.jit
def output_gradient_kernel(x, taps, norm_weight, grad_out, grad_conv, grad_params, num_rows, heads,
                           x_b, x_n, x_m, g_b, g_n, g_m, T, H, W, OT, OH, OW, D: tl.constexpr,
                           EXTRA: tl.constexpr, KT: tl.constexpr, KH: tl.constexpr,
                           KW: tl.constexpr, ST: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
                           NORM: tl.constexpr, EPS: tl.constexpr, ACC: tl.constexpr,
                           BLOCK_ROWS: tl.constexpr, BLOCK_D: tl.constexpr):
    """Gradient of the convolution's output, and of taps, norm weight and norm bias.

    Each program walks over many blocks and adds to its own slice (taps + 2, D) of ``grad_params``:
    nobody else writes there, so the order of the sums, and with it the result, is always the same.
    """
    channel = tl.arange(0, BLOCK_D)[None, :]
    grad_params += tl.program_id(0) * (KT * KH * KW + 2) * D
    for block in range(tl.program_id(0), tl.cdiv(num_rows, BLOCK_ROWS), tl.num_programs(0)):
        row = _rows(block, BLOCK_ROWS)
        mask = (row < num_rows) & (channel < D)
        batch, token, head = _locate(row, EXTRA + OT * OH * OW, heads)
        t, h, w = _coordinates(token, EXTRA, OH, OW)
        t, h, w = t * ST - KT // 2, h * SH - KH // 2, w * SW - KW // 2
        source = x + batch * x_b + head * x_m + channel
        grad = tl.load(
            grad_out + batch * g_b + token * g_n + head * g_m + channel, mask=mask,
            other=0.).to(ACC)
        if NORM:
            y = _convolve(source, x_n, taps, token, t, h, w, T, H, W, mask, channel, D, EXTRA, KT,
                          KH, KW, ACC)
            y, scale = _normalize(y, channel < D, D, EPS)
            _add_over_rows(grad_params + KT * KH * KW * D, grad * y, D, BLOCK_D)
            _add_over_rows(grad_params + (KT * KH * KW + 1) * D, grad, D, BLOCK_D)
            grad *= tl.load(norm_weight + channel, mask=channel < D, other=0.).to(ACC)
            along = (tl.sum(grad * y, axis=1) / D)[:, None]
            grad = (grad - (tl.sum(grad, axis=1) / D)[:, None] - y * along) * scale
            tl.store(grad_conv + row.to(tl.int64) * D + channel, grad, mask=mask)
        in_grid = mask & (token >= EXTRA)
        for kt in range(KT):
            for kh in range(KH):
                for kw in tl.static_range(KW):
                    value = _load_position(source, x_n, t + kt, h + kh, w + kw, T, H, W, EXTRA,
                                           in_grid)
                    _add_over_rows(grad_params + ((kt * KH + kh) * KW + kw) * D,
                                   grad * value.to(ACC), D, BLOCK_D)


@triton.jit
def _reach(coordinate, j, KERNEL: tl.constexpr, STRIDE: tl.constexpr):
    """The j-th output whose window holds a padded coordinate (-1: none), and the tap it meets."""
    if STRIDE == 1:
        tap = j
        out = coordinate - j
    else:
        tap = coordinate % STRIDE + j * STRIDE
        out = tl.where(tap < KERNEL, coordinate // STRIDE - j, -1)
        tap = tl.minimum(tap, KERNEL - 1)
    return out, tap


@triton.jit
def input_gradient_kernel(grad_conv, taps, grad_x, num_rows, heads, g_b, g_n, g_m, T, H, W, OT, OH,
                          OW, D: tl.constexpr, EXTRA: tl.constexpr, KT: tl.constexpr,
                          KH: tl.constexpr, KW: tl.constexpr, ST: tl.constexpr, SH: tl.constexpr,
                          SW: tl.constexpr, ACC: tl.constexpr, BLOCK_ROWS: tl.constexpr,
                          BLOCK_D: tl.constexpr):
    """Gradient of the rows of the input: each gathers from the windows that read it."""
    row, channel = _rows(tl.program_id(0), BLOCK_ROWS), tl.arange(0, BLOCK_D)[None, :]
    mask = (row < num_rows) & (channel < D)
    batch, token, head = _locate(row, EXTRA + T * H * W, heads)
    in_grid = mask & (token >= EXTRA)
    t, h, w = _coordinates(token, EXTRA, H, W)
    grad_conv += batch * g_b + head * g_m + channel
    total = tl.load(grad_conv + token * g_n, mask=mask & (token < EXTRA), other=0.).to(ACC)
    for jt in range((KT + ST - 1) // ST):
        ot, kt = _reach(t + KT // 2, jt, KT, ST)
        for jh in range((KH + SH - 1) // SH):
            oh, kh = _reach(h + KH // 2, jh, KH, SH)
            for jw in tl.static_range((KW + SW - 1) // SW):
                ow, kw = _reach(w + KW // 2, jw, KW, SW)
                value = _load_position(grad_conv, g_n, ot, oh, ow, OT, OH, OW, EXTRA, in_grid)
                tap = tl.load(
                    taps + ((kt * KH + kh) * KW + kw) * D + channel, mask=channel < D, other=0.)
                total += value.to(ACC) * tap.to(ACC)
    tl.store(grad_x + row.to(tl.int64) * D + channel, total, mask=mask)
