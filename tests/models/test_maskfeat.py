"""MaskFeat against loops in float64: targets, masking, loss and what the paper counts."""
import math

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.structures import BaseDataElement

from mvitv2_mm import MViTv2
from mvitv2_mm.models.maskfeat_hog import clip_hog, hog
from mvitv2_mm.registry import MODELS

TINY = dict(
    embed_dims=8, num_layers=4, num_heads=1, downscale_indices=(1, 2), dim_mul_indices=(1, 2, 3))
SIZE = (4, 64, 64)  # -> 2 x 4 x 4 tokens of 16 pixels
MASK_GRID = (2, 2, 2)


def build(**kwargs):
    backbone = dict(
        type='MaskFeatMViTv2',
        arch=TINY,
        input_size=SIZE,
        adaptive_kv_stride=(1, 4, 4),
        dim_mul_in_attention=False)
    model = MODELS.build(dict(type='MaskFeat', backbone=dict(backbone, **kwargs)))
    model.init_weights()
    return model


def samples(mask):
    return [BaseDataElement(mask=m) for m in mask]


def random_mask():
    mask = torch.rand(2, *MASK_GRID) < 0.5
    mask[:, 0, 0, 0], mask[:, 1, 1, 1] = True, False
    return mask


def slow_hog(image):
    """Histograms (9, H / 8, W / 8) of one channel, pixel by pixel."""
    height, width = image.shape
    padded = np.pad(image.astype(np.float64), 1, mode='reflect')
    cells = np.zeros((9, height // 8, width // 8))
    for y in range(height):
        for x in range(width):
            (a, b, c), (d, _, e), (f, g, h) = padded[y:y + 3, x:x + 3]
            grad_x = a + 2 * d + f - c - 2 * e - h
            grad_y = a + 2 * b + c - f - 2 * g - h
            angle = math.degrees(math.atan2(grad_x, grad_y)) % 180
            cells[int(angle // 20) % 9, y // 8, x // 8] += math.hypot(grad_x, grad_y)
    return cells / np.maximum(np.linalg.norm(cells, axis=0), 1e-12)


def slow_targets(clip):
    """Targets {(t, i, j): [...]} of a clip (C, T, H, W): frames 0, 2, ..; channel, bin, cell."""
    targets = {}
    for t in range(clip.shape[1] // 2):
        cells = [slow_hog(channel[2 * t].numpy()) for channel in clip]
        for i in range(clip.shape[2] // 16):
            for j in range(clip.shape[3] // 16):
                targets[t, i, j] = [
                    channel[b, 2 * i + y, 2 * j + x] for channel in cells for b in range(9)
                    for y in range(2) for x in range(2)
                ]
    return targets


def test_hog_equals_a_loop_over_pixels():
    image = torch.randn(2, 3, 16, 24)
    out = hog(image)
    assert out.shape == (2, 3, 9, 2, 3)
    expected = np.array([[slow_hog(channel.numpy()) for channel in img] for img in image])
    np.testing.assert_allclose(out, expected, atol=1e-5)
    swapped = hog(image.transpose(2, 3)).transpose(3, 4)
    assert np.abs(swapped.numpy() - expected).max() > 0.1  # axes matter


@pytest.mark.parametrize('degrees, expected', [(0, 0), (25, 1), (90, 4), (130, 6), (180, 0)])
def test_hog_bins_of_plane_waves(degrees, expected):
    """A brightness that falls in a direction has all its gradients in one bin."""
    y, x = torch.meshgrid(torch.arange(24.), torch.arange(24.), indexing='ij')
    angle = math.radians(degrees)
    image = -round(math.sin(angle), 9) * x - round(math.cos(angle), 9) * y
    inner = hog(image.expand(1, 1, 24, 24))[0, 0, :, 1, 1]  # away from the mirrored border
    assert inner.argmax() == expected and inner[expected] == pytest.approx(1)
    flat = hog(torch.ones(1, 1, 8, 8))
    assert torch.equal(flat, torch.zeros_like(flat))


def test_hog_stays_in_full_precision_under_autocast():
    image = torch.randn(1, 3, 16, 16)
    with torch.autocast('cpu', torch.bfloat16):
        out = hog(image)
    assert torch.equal(out, hog(image))


def test_targets_of_tokens():
    clip = torch.randn(1, 3, 4, 32, 48)
    out = clip_hog(clip, 2, (2, 2, 3))
    assert out.shape == (1, 2, 2, 3, 108)
    for token, expected in slow_targets(clip[0]).items():
        np.testing.assert_allclose(out[(0, *token)], expected, atol=1e-5)
    clip[:, :, 1::2] = 0  # frames that are not described
    assert torch.equal(clip_hog(clip, 2, (2, 2, 3)), out)


def test_loss_equals_an_independent_computation():
    """A plain MViTv2, whose patches a loop replaces, and a loop over masked tokens."""
    model = build().eval()
    clips, mask = torch.randn(2, 3, *SIZE), random_mask()
    plain = MViTv2(
        TINY,
        input_size=SIZE,
        adaptive_kv_stride=(1, 4, 4),
        dim_mul_in_attention=False,
        out_type='featmap').eval()
    state = model.backbone.state_dict()
    mask_token = state.pop('mask_token')[0, 0]
    plain.load_state_dict(state)

    def replace(module, args, output):
        tokens = output[0].unflatten(1, (2, 16, 16)).clone()
        for b, t, i, j in np.ndindex(2, 2, 16, 16):
            if mask[b, t, i // 8, j // 8]:
                tokens[b, t, i, j] = mask_token
        return tokens.flatten(1, 3), output[1]

    plain.patch_embed.register_forward_hook(replace)
    errors = []
    with torch.no_grad():
        feats = plain(clips)[-1]  # (2, 64, 2, 4, 4)
        for b in range(2):
            for (t, i, j), target in slow_targets(clips[b]).items():
                if mask[b, t, i // 2, j // 2]:
                    prediction = model.neck.fc(feats[b, :, t, i, j]).double().numpy()
                    errors.append((prediction - target)**2)
        expected = np.mean(errors)
        loss = model(clips[:, None], samples(mask), mode='loss')['loss'].item()
        other = model(clips[:, None], samples(mask.roll(1, 1)), mode='loss')['loss'].item()
    assert loss == pytest.approx(expected, rel=1e-5)
    assert abs(other - expected) > 1e-4 * expected  # another mask is another loss


def test_masked_pixels_are_invisible():
    model = build().eval()
    clips = torch.randn(1, 3, *SIZE)
    mask = torch.zeros(1, *MASK_GRID, dtype=torch.bool)
    mask[0, :, 0, 0] = True  # pixels 0-31, of which the patches beside read up to 3
    hidden, seen = clips.clone(), clips.clone()
    hidden[..., :28, :28] += 1
    seen[..., 32:60, 32:60] += 1
    with torch.no_grad():
        feats, same, different = (model.backbone(x, mask)[-1] for x in (clips, hidden, seen))
        unmasked = model.backbone(hidden, torch.zeros_like(mask))[-1]
    assert torch.equal(feats, same)
    assert (feats - different).abs().max() > 1e-3 and (feats - unmasked).abs().max() > 1e-3


def test_training_lowers_the_loss_and_reaches_every_parameter():
    model = build().train()
    wrapper = build_optim_wrapper(
        model, dict(optimizer=dict(type='AdamW', lr=1e-2), clip_grad=dict(max_norm=1.)))
    wave = torch.sin(torch.linspace(0, 20, 64))
    clips = torch.stack([wave.expand(64, 64), wave.expand(64, 64).T])[:, None, None, None]
    batch = dict(inputs=clips.expand(2, 1, 3, *SIZE), data_samples=samples(random_mask()))
    before = {name: param.clone() for name, param in model.named_parameters()}
    losses = [model.train_step(batch, wrapper)['loss'].item() for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]
    # a shift of all keys does not change the attention, so the gradient of norm_k.bias is noise
    assert not [
        name for name, param in model.named_parameters()
        if torch.equal(param, before[name]) and not name.endswith('norm_k.bias')
    ]


def test_initialisation_of_tokens_and_head():
    model = build()
    assert 0.01 < model.backbone.mask_token.std() < 0.03
    assert (model.neck.fc.bias == 0).all() and 0.015 < model.neck.fc.weight.std() < 0.025
    # the last norm belongs to the prediction head
    assert (model.backbone.norm2.bias == 0).all() and (model.backbone.norm2.weight == 1).all()
    assert (model.backbone.blocks[0].norm1.bias == 0.02).all()


def test_predictions_without_a_mask():
    model = build().eval()
    clips = torch.randn(2, 3, *SIZE)
    with torch.no_grad():
        out = model(clips[:, None])
        nothing = torch.zeros(2, *MASK_GRID, dtype=torch.bool)
        expected = model.neck.fc(model.backbone(clips, nothing)[-1].movedim(1, -1))
    assert out.shape == (2, 2, 4, 4, 108)
    assert torch.equal(out, expected)


def test_clear_errors():
    model, clips = build(), torch.randn(1, 1, 3, *SIZE)
    with pytest.raises(ValueError, match='no "mask"; add mvitv2_mm.MaskCubes'):
        model(clips, [BaseDataElement()], mode='loss')
    with pytest.raises(ValueError, match=r'\(2, 3, 3\) cells does not divide the token grid'):
        model(clips, samples(torch.ones(1, 2, 3, 3, dtype=torch.bool)), mode='loss')
    with pytest.raises(ValueError, match="but got 'predict': MaskFeat pre-trains"):
        model(clips, mode='predict')
    with pytest.raises(ValueError, match='a token covers 4 pixels, .* multiple of 8'):
        build(arch=dict(TINY, downscale_indices=(), dim_mul_indices=()))
