"""The detection backbone, slow and plain: 2D only, one window at a time, detectron2's rules.

Written from the rules alone and without our modules, so that it can disagree with them.
"""
import math

import torch
import torch.nn.functional as F


def block_settings(stage_depths, heads=1, kv_stride=4, window=56):
    """Per block: heads, query stride, key/value stride, window (0: global), last of its stage.

    - Key/value stride halves from stage to stage, but the last block of the second and of the
      third stage doubles it.
    - Last blocks of all stages but the first are global.
    - The first block of a stage still has the window of the stage before.
    """
    settings = []
    for stage, depth in enumerate(stage_depths):
        for i in range(depth):
            first, last = stage > 0 and i == 0, i == depth - 1
            settings.append(
                dict(
                    heads=heads * 2**stage,
                    stride_q=2 if first else 1,
                    stride_kv=max(kv_stride >> stage, 1) * (2 if last and stage in (1, 2) else 1),
                    window=0 if last and stage > 0 else window >> max(stage - first, 0),
                    last=last))
    return settings


def layer_norm(params, name, x):
    weight, bias = params[f'{name}.weight'], params[f'{name}.bias']
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean)**2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-6) * weight + bias


def linear(params, name, x):
    return x @ params[f'{name}.weight'].T + params[f'{name}.bias']


def pool_heads(params, name, x, stride):
    """(B, heads, H, W, D): the same depthwise convolution for every head, then norm."""
    weight = params[f'{name}.weight']
    heads = [
        F.conv2d(x[:, m].permute(0, 3, 1, 2), weight, None, stride, 1, groups=len(weight))
        for m in range(x.shape[1])
    ]
    x = torch.stack(heads, 1).permute(0, 1, 3, 4, 2)
    return layer_norm(params, name.replace('pool', 'norm'), x)


def axis_rows(table, q_size, k_size):
    """(q_size, k_size, D) rows of a position table; sizes must make power-of-two ratios."""
    length = 2 * max(q_size, k_size) - 1
    if len(table) != length:
        table = F.interpolate(table.T[None], size=length, mode='linear')[0].T
    rows = torch.zeros(q_size, k_size, dtype=torch.long)
    for i in range(q_size):
        for j in range(k_size):
            relative = i * max(k_size / q_size, 1) - j * max(q_size / k_size, 1)
            rows[i, j] = int(relative + (k_size - 1) * max(q_size / k_size, 1))
    return table[rows]


def attend(q, k, v, table_h, table_w):
    """Attention of one (B, heads, H, W, D) map to another, position bias from both axes."""
    (height, width), (k_height, k_width) = q.shape[2:4], k.shape[2:4]
    logits = torch.einsum('bmhwd,bmyxd->bmhwyx', q, k) / math.sqrt(q.shape[-1])
    logits = logits + torch.einsum('bmhwd,hyd->bmhwy', q, axis_rows(table_h, height,
                                                                    k_height))[..., None]
    logits = logits + torch.einsum('bmhwd,wxd->bmhwx', q, axis_rows(table_w, width,
                                                                    k_width))[..., None, :]
    weights = logits.flatten(-2).softmax(-1).unflatten(-1, (k_height, k_width))
    return torch.einsum('bmhwyx,bmyxd->bmhwd', weights, v)


def cut(x, row, column, size):
    """One window of (B, heads, H, W, D), zeros beyond the map."""
    window = x.new_zeros(*x.shape[:2], size, size, x.shape[-1])
    piece = x[:, :, row * size:(row + 1) * size, column * size:(column + 1) * size]
    window[:, :, :piece.shape[2], :piece.shape[3]] = piece
    return window


def attention(params, name, x, setting):
    batch, height, width, _ = x.shape
    qkv = linear(params, f'{name}.qkv', x).reshape(batch, height, width, 3, setting['heads'], -1)
    q, k, v = qkv.permute(3, 0, 4, 1, 2, 5)
    q = pool_heads(params, f'{name}.pool_q', q, setting['stride_q'])
    k = pool_heads(params, f'{name}.pool_k', k, setting['stride_kv'])
    v = pool_heads(params, f'{name}.pool_v', v, setting['stride_kv'])
    tables = params[f'{name}.rel_pos_h'], params[f'{name}.rel_pos_w']
    if setting['window']:
        size_q = setting['window'] // setting['stride_q']
        size_kv = setting['window'] // setting['stride_kv']
        rows = [
            torch.cat([
                attend(
                    cut(q, row, column, size_q), cut(k, row, column, size_kv),
                    cut(v, row, column, size_kv), *tables)
                for column in range(math.ceil(q.shape[3] / size_q))
            ], 3) for row in range(math.ceil(q.shape[2] / size_q))
        ]
        out = torch.cat(rows, 2)[:, :, :q.shape[2], :q.shape[3]]
    else:
        out = attend(q, k, v, *tables)
    out = (out + q).permute(0, 2, 3, 1, 4).flatten(3)
    return linear(params, f'{name}.proj', out)


def detection_features(params, x, stage_depths, **rules):
    """Images (B, 3, H, W) -> one (B, C, H', W') map per stage."""
    x = F.conv2d(x, params['patch_embed.projection.weight'], params['patch_embed.projection.bias'],
                 4, 3).permute(0, 2, 3, 1)
    features = []
    for i, setting in enumerate(block_settings(stage_depths, **rules)):
        name = f'blocks.{i}'
        normed = layer_norm(params, f'{name}.norm1', x)
        skip = linear(params, f'{name}.proj', normed) if f'{name}.proj.weight' in params else x
        if setting['stride_q'] == 2:
            skip = F.max_pool2d(skip.permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)
        x = skip + attention(params, f'{name}.attn', normed, setting)
        hidden = linear(params, f'{name}.mlp.fc1', layer_norm(params, f'{name}.norm2', x))
        hidden = hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2
        x = x + linear(params, f'{name}.mlp.fc2', hidden)
        if setting['last']:
            feat = layer_norm(params, f'norm{len(features)}', x)
            features.append(feat.permute(0, 3, 1, 2))
    return features
