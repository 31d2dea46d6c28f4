"""Checkpoints of other sizes and of mmaction2 load by themselves, through every loader."""
import pytest
import torch
import torch.nn as nn
from mmengine.runner import load_checkpoint
from mmengine.runner.checkpoint import load_state_dict
from parity import ARCH, assert_same, randomise

from mvitv2_mm import MViTv2


class Detector(nn.Module):

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone


def load_torch(model, state):
    assert not any(model.load_state_dict(state))


def load_mmengine(model, state):
    load_state_dict(model, state, strict=True)


loaders = pytest.mark.parametrize('load', [load_torch, load_mmengine])


@loaders
@pytest.mark.parametrize('src, dst', [((64, 64), (96, 64)), ((4, 64, 64), (8, 64, 96))])
def test_tables_are_resized(load, src, dst):
    """Loading at another size equals running at that size: one interpolation either way."""
    trained = randomise(MViTv2(ARCH, src, out_scales=(0, 1, 2, 3), out_type='featmap'))
    model = MViTv2(ARCH, dst, out_scales=(0, 1, 2, 3), out_type='featmap').double().eval()
    state = Detector(trained).state_dict()
    before = {key: value.clone() for key, value in state.items()}
    load(Detector(model), state)
    assert state.keys() == before.keys()
    assert all(torch.equal(state[key], before[key]) for key in before)
    x = torch.randn(1, 3, *dst, dtype=torch.float64)
    assert_same(model(x), trained(x), rtol=1e-4, atol=1e-4)  # tables may pass through float32
    changed = [
        key for key, value in model.state_dict().items()
        if value.shape != trained.state_dict()[key].shape
    ]
    assert changed and all('rel_pos' in key for key in changed)


@loaders
def test_a_stray_class_token_is_dropped_with_a_warning(load, log_text):
    trained = randomise(MViTv2(ARCH, (4, 32, 32)))
    model = MViTv2(ARCH, (4, 32, 32), with_cls_token=False).double()
    state = Detector(trained).state_dict()
    load(Detector(model), state)
    assert 'backbone.cls_token' in state
    warning, = [line for line in log_text().splitlines() if 'backbone.cls_token' in line]
    assert 'not used' in warning and 'with_cls_token' in warning
    for key, value in model.state_dict().items():
        assert torch.equal(value, trained.state_dict()[key])


def test_the_comparison_notices_tables_that_were_cut_instead():
    trained = randomise(MViTv2(ARCH, 64))
    model = MViTv2(ARCH, 48).double().eval()
    state = trained.state_dict()
    table = state['blocks.0.attn.rel_pos_h']
    state['blocks.0.attn.rel_pos_h'] = table[4:-4]
    model.load_state_dict(state)
    x = torch.randn(1, 3, 48, 48, dtype=torch.float64)
    assert (model(x)[0] - trained(x)[0]).abs().max() > 1e-3


def test_a_class_token_that_is_used_must_be_there(log_text):
    model = MViTv2(ARCH, (4, 32, 32))
    state = model.state_dict()
    model.load_state_dict(state)
    assert log_text() == ''
    del state['cls_token']
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "cls_token"'):
        model.load_state_dict(state)


def test_what_does_not_fit_is_still_an_error():
    model, other = MViTv2(ARCH, 32), MViTv2({**ARCH, 'embed_dims': 16}, 32)
    with pytest.raises(RuntimeError, match='size mismatch for blocks.0.attn.rel_pos_h'):
        model.load_state_dict(other.state_dict())
    clip = MViTv2(ARCH, (4, 32, 32), with_cls_token=False)
    with pytest.raises(RuntimeError, match='Unexpected .*blocks.0.attn.rel_pos_t') as error:
        model.load_state_dict(clip.state_dict())
    assert 'size mismatch for patch_embed.projection.weight' in str(error.value)


def test_a_checkpoint_file_with_a_prefix(tmp_path):
    trained = randomise(MViTv2(ARCH, 64))
    torch.save(dict(state_dict=Detector(trained).state_dict()), tmp_path / 'trained.pth')
    model = MViTv2(ARCH, 48).double()
    load_checkpoint(
        model, str(tmp_path / 'trained.pth'), strict=True, revise_keys=[(r'^backbone\.', '')])
    assert torch.equal(model.norm3.weight, trained.norm3.weight)
    pretrained = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'trained.pth'), prefix='backbone.')
    other = MViTv2(ARCH, 48, init_cfg=pretrained).double()
    other.init_weights()
    assert all(map(torch.equal, other.state_dict().values(), model.state_dict().values()))
