"""Every layout, against a live model where its code base is installed: outputs, both directions."""
import pickle

import numpy as np
import pytest
import timm.models.mvitv2 as timm_mvit
import torch
from oracles import (ARCH, CLASSES, DEPTHS, FRAMES, LAST_DIMS, SIZE, clips, image_net, images,
                     randomise, to_meta, video_net)
from safetensors.torch import save_file
from torch import nn
from torchvision.models.video.mvit import MSBlockConfig
from torchvision.models.video.mvit import MViT as TorchvisionMViT

from mvitv2_mm.checkpoints import CheckpointError, convert, load_into, read_source
from mvitv2_mm.checkpoints.io import read_file, unwrap
from mvitv2_mm.models import MaskFeat

SMALL = dict(arch=ARCH, drop_path_rate=0.)


class HostNet(nn.Module):
    """A host's backbone and a linear head under that host's names."""

    def __init__(self, backbone, head, pool):
        super().__init__()
        self.backbone, self.pool = backbone, pool
        fc = nn.Linear(LAST_DIMS, CLASSES)
        setattr(self, head.split('.')[0], nn.ModuleDict({head.split('.')[1]: fc}))
        self.fc = [fc]

    def forward(self, x):
        return self.fc[0](self.pool(self.backbone(x)[-1]))


def mmpretrain_net(**kwargs):
    from mmpretrain.models.backbones import MViT
    return HostNet(MViT(img_size=SIZE, **SMALL, **kwargs), 'head.fc', lambda x: x.mean((2, 3)))


def mmaction_net(**kwargs):
    from mmaction.models.backbones import MViT
    return HostNet(
        MViT(spatial_size=SIZE, temporal_size=FRAMES, **SMALL, **kwargs), 'cls_head.fc_cls',
        lambda x: x[1])


def timm_net(**kwargs):
    cfg = timm_mvit.MultiScaleVitCfg(depths=DEPTHS, embed_dim=16, **kwargs)
    return timm_mvit.MultiScaleVit(cfg, img_size=SIZE, num_classes=CLASSES)


def torchvision_net():
    blocks, dims, heads = [], 16, 1
    for i in range(ARCH['num_layers']):
        stride = 2 if i in ARCH['downscale_indices'] else 1
        heads *= stride
        kv = 8 // heads
        blocks.append(
            MSBlockConfig(
                num_heads=heads,
                input_channels=dims,
                output_channels=dims * stride,
                kernel_q=[3] * 3,
                kernel_kv=[3] * 3,
                stride_q=[1, stride, stride],
                stride_kv=[1, kv, kv]))
        dims *= stride
    return TorchvisionMViT(
        spatial_size=(SIZE, SIZE),
        temporal_size=FRAMES,
        block_setting=blocks,
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
        num_classes=CLASSES)


class NetInTimm(nn.Module):
    """timm reads the layout of facebookresearch/mvit with its own code."""

    def __init__(self, state, **kwargs):
        super().__init__()
        self.net = timm_net(**kwargs)
        self.net.load_state_dict(timm_mvit.checkpoint_filter_fn(state, self.net))

    def forward(self, x):
        return self.net(x)


def save_pyth(state, path):
    torch.save({'model_state': state, 'epoch': 3, 'optimizer_state': {}, 'cfg': 'A: 1'}, path)


def save_mm(state, path):
    torch.save({'state_dict': state, 'meta': {}}, path)


def save_kernels_as_5d(state, path):
    """The other rank in which image checkpoints are about."""
    save_pyth({k: v[:, :, None] if v.dim() == 4 else v for k, v in state.items()}, path)


def with_five_d_pools(state):
    return {k: v[:, :, None] if '.pool_' in k else v for k, v in state.items()}


def mvit_case(in_attention, save):
    net = randomise(mmpretrain_net(dim_mul_in_attention=in_attention))
    state = to_meta(net.state_dict())
    oracle = NetInTimm(state, expand_attn=in_attention).eval()
    return oracle, state, save, image_net(dim_mul_in_attention=in_attention), images(), 'mvit'


def slowfast_case():
    net = randomise(mmaction_net())
    return net, to_meta(net.state_dict()), save_pyth, video_net(), clips(), 'slowfast'


def slowfast_image_case():
    net = randomise(mmpretrain_net())
    state = with_five_d_pools(to_meta(net.state_dict()))
    return net, state, save_pyth, image_net(), images(), 'slowfast'


def direct_case(make, save, ours, inputs, to, **kwargs):
    net = randomise(make(**kwargs))
    return net, net.state_dict(), save, ours(**kwargs), inputs, to


CASES = {
    'mvit':
    lambda: mvit_case(True, save_pyth),
    'mvit in-MLP':
    lambda: mvit_case(False, save_pyth),
    'mvit 5-D':
    lambda: mvit_case(True, save_kernels_as_5d),
    'slowfast':
    slowfast_case,
    'slowfast image':
    slowfast_image_case,
    'torchvision':
    lambda: direct_case(torchvision_net, torch.save, video_net, clips(), 'torchvision'),
    'timm':
    lambda: direct_case(timm_net, save_file, image_net, images(), 'timm'),
    'mmpretrain':
    lambda: direct_case(mmpretrain_net, save_mm, image_net, images(), 'openmmlab'),
    'mmpretrain in-MLP':
    lambda: direct_case(
        mmpretrain_net, save_mm, image_net, images(), 'openmmlab', dim_mul_in_attention=False),
    'mmaction2':
    lambda: direct_case(mmaction_net, save_mm, video_net, clips(), 'openmmlab'),
}
LABELS = {
    'mvit': 'facebookresearch/mvit',
    'mvit 5-D': 'SlowFast',
    'slowfast': 'SlowFast',
    'mmpretrain': 'OpenMMLab (mmpre',
    'mmaction2': 'OpenMMLab (mmaction2',
    'timm': 'timm',
    'torchvision': 'torchvision'
}


@pytest.fixture(scope='module', params=list(CASES))
def case(request, tmp_path_factory):
    """Oracle, state dict of its code base, file, model of ours, inputs, layout to go back to."""
    oracle, state, save, ours, inputs, to = CASES[request.param]()
    path = tmp_path_factory.mktemp('files') / 'file'  # no name to guess from
    save({key: value.clone() for key, value in state.items()}, path)
    return request.param, oracle, state, path, ours, inputs, to


@torch.no_grad()
def test_same_outputs(case):
    name, oracle, _, path, ours, inputs, _ = case
    assert read_source(path).arch.input_size == inputs.shape[2:]
    report = load_into(ours, path)
    assert not report.of('dropped', 'new', 'resized')
    assert LABELS.get(name, LABELS[name.split()[0]]) in report.title
    expected = oracle(inputs)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(inputs), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_every_tensor_matters(case):
    """Negative control: one changed tensor is seen, be it in the stem, a block or the head."""
    _, oracle, state, path, ours, inputs, _ = case
    load_into(ours, path)
    expected = oracle(inputs)
    names = dict(ours.named_parameters())
    for name in ('patch_embed.projection.weight', 'blocks.1.proj.weight', 'blocks.0.proj.weight',
                 'blocks.2.attn.pool_k.weight', 'blocks.3.attn.rel_pos_w',
                 'blocks.4.attn.qkv.bias'):
        param = names.get('backbone.' + name)
        if param is not None:
            kept = param.clone()
            param.copy_(kept.roll(1, 0))
            assert (ours(inputs) - expected).abs().max() > 1e-3, name
            param.copy_(kept)


def test_there_and_back_bit_for_bit(case, tmp_path):
    name, _, state, path, _, _, to = case
    convert(path, tmp_path / 'ours.safetensors')
    suffix = '.safetensors' if name == 'timm' else '.pth'
    convert(tmp_path / 'ours.safetensors', tmp_path / f'back{suffix}', to=to)
    back = read_raw(tmp_path / f'back{suffix}')
    assert back.keys() == state.keys()
    if name == 'mvit 5-D':  # comes back in the usual rank
        assert back['patch_embed.proj.weight'].dim() == 4
    for key, value in state.items():
        assert back[key].shape == value.shape and torch.equal(back[key], value), key


def read_raw(path):
    return unwrap(read_file(path), str(path))


@pytest.mark.parametrize(
    'case', ['timm', 'torchvision', 'mmpretrain', 'mmpretrain in-MLP', 'mmaction2'], indirect=True)
def test_output_loads_strictly_in_its_code_base(case, tmp_path):
    _, oracle, _, path, _, _, to = case
    convert(path, tmp_path / 'ours.pth')
    convert(tmp_path / 'ours.pth', tmp_path / 'back.pth', to=to)
    content = torch.load(tmp_path / 'back.pth', weights_only=True)
    oracle.load_state_dict(content.get('state_dict', content), strict=True)


@torch.no_grad()
def test_class_token_of_image_models(tmp_path):
    """IN-21K layout: the token is read by the head; timm's ``_cls`` differs, as documented."""
    ours = randomise(image_net(with_cls_token=True, out_type='cls_token'))
    expected = ours(images())
    state = to_meta(ours.state_dict())
    save_pyth(state, tmp_path / 'f')
    other = image_net(with_cls_token=True, out_type='cls_token')
    assert load_into(other, tmp_path / 'f').is_complete
    torch.testing.assert_close(other(images()), expected)
    in_timm = NetInTimm(state, use_cls_token=True).eval()
    save_file(in_timm.net.state_dict(), tmp_path / 'timm')
    third = image_net(with_cls_token=True, out_type='cls_token')
    load_into(third, tmp_path / 'timm')
    torch.testing.assert_close(third(images()), expected)
    # timm adds the residual query to the class row as well
    assert (in_timm(images()) - expected).abs().max() > 1e-2


@torch.no_grad()
@pytest.mark.parametrize('name', ['pyth', 'mm'])
def test_maskfeat_pretraining_layouts(tmp_path, name):
    """SlowFast's and mmselfsup's: the last doubling pools nothing, which tables tell."""
    model = randomise(
        MaskFeat(
            dict(
                type='mvitv2_mm.MaskFeatMViTv2',
                input_size=(FRAMES, SIZE, SIZE),
                dim_mul_in_attention=False,
                arch=dict(ARCH, downscale_indices=[1, 2], dim_mul_indices=[1, 2, 3]))))
    state = model.state_dict()
    if name == 'pyth':
        state = {
            k.replace('backbone.norm2', 'pred_head.transforms.0.0').replace(
                'neck.fc', 'pred_head.projections.0'):
            v
            for k, v in state.items()
        }
        state = to_meta(state)
        sobel = torch.tensor([[1., 0, -1], [2, 0, -2], [1, 0, -1]]).repeat(3, 1, 1, 1)
        state.update({'hogs.0.weight_x': sobel, 'hogs.0.weight_y': sobel.mT.contiguous()})
        save_pyth(state, tmp_path / 'f')
    else:
        save_mm(state, tmp_path / 'f')
    source = read_source(tmp_path / 'f')
    assert source.arch.downscale_indices == (1, 2)
    assert source.arch.dim_mul_indices == (1, 2, 3)
    assert 'downscaling only at [1, 2]' in source.describe()

    back = 'slowfast' if name == 'pyth' else 'openmmlab'
    convert(tmp_path / 'f', tmp_path / 'ours.pth')
    convert(tmp_path / 'ours.pth', tmp_path / 'back.pth', to=back)
    found = read_raw(tmp_path / 'back.pth')
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)

    expected = model(clips()[:, None])
    for param in model.parameters():
        param.zero_()
    assert load_into(model, tmp_path / 'f').is_complete
    torch.testing.assert_close(model(clips()[:, None]), expected)


def test_split_projections_and_positions(tmp_path):
    """Variants inside Meta's layouts: separate q, k, v; separate or renamed positions."""
    ours = randomise(video_net(use_abs_pos_embed=True))
    state = to_meta(ours.state_dict())
    split = {}
    for key, value in state.items():
        if '.qkv.' in key:
            split.update({key.replace('qkv', n): part for n, part in zip('qkv', value.chunk(3))})
        elif key != 'pos_embed':
            split[key] = value
    spatial, temporal, token = (torch.rand(1, n, 16) for n in ((SIZE // 4)**2, FRAMES // 2, 1))
    save_pyth(
        {
            **split, 'pos_embed_xy': spatial,
            'pos_embed_temporal': temporal,
            'pos_embed_class': token
        }, tmp_path / 'f')
    tensors = read_source(tmp_path / 'f').tensors
    for key, value in state.items():
        if '.qkv.' in key:
            assert torch.equal(tensors['backbone.' + key], value)
    position = tensors['backbone.pos_embed'][0]
    t, cell, cells = 2, 37, (SIZE // 4)**2
    assert torch.equal(position[0], token[0, 0])
    assert torch.equal(position[1 + t * cells + cell], temporal[0, t] + spatial[0, cell])


def test_numpy_arrays_and_wrappers(tmp_path):
    """The names decide, whatever the container: a detectron2-style pickle of mvit names loads."""
    ours = randomise(image_net())
    arrays = {'module.' + k: v.numpy() for k, v in to_meta(ours.state_dict()).items()}
    (tmp_path / 'f').write_bytes(pickle.dumps({'model': arrays}, 2))
    other = image_net()
    load_into(other, tmp_path / 'f')
    for (key, value), expected in zip(other.state_dict().items(), ours.state_dict().values()):
        np.testing.assert_array_equal(value, expected, err_msg=key)


def unsupported():
    pool, patch = 'blocks.0.attn.pool_q.weight', 'patch_embed.proj.weight'
    kernel = torch.zeros(16, 1, 3, 3)
    yield {'rev_backbone.layers.0.F.norm.weight': kernel}, 'it looks like a reversible MViT'
    yield {'patch_embed.patch_model.weight': kernel, 'cls_positional_encoding.cls_token': kernel}, \
        'it looks like a pytorchvideo MViTv1'
    yield {patch: kernel, pool: kernel, 'norm_stem.weight': kernel}, 'is an MViTv1 .with a norm'
    yield {patch: kernel, pool: kernel}, \
        r'is not an MViTv2 checkpoint: "blocks\.0\.attn\.proj\.weight" is missing'
    yield {'conv1.weight': kernel, 'fc.bias': kernel}, 'its tensors are named conv1.weight, fc.bias'


@pytest.mark.parametrize('state, message', unsupported())
def test_other_architectures(tmp_path, state, message):
    torch.save(state, tmp_path / 'f')
    with pytest.raises(CheckpointError, match=f'f is.*{message}|f {message}') as error:
        read_source(tmp_path / 'f')
    assert '\n' not in str(error.value)


def test_names_that_belong_to_nothing(tmp_path):
    state = {**to_meta(image_net().state_dict()), 'adapter.down.weight': torch.zeros(2)}
    save_pyth(state, tmp_path / 'f')
    with pytest.raises(
            CheckpointError,
            match=r'looks like a facebookresearch/mvit checkpoint, but '
            r'has 1 tensors that belong to none \(adapter\.down\.weight, \.\.\.\)'):
        read_source(tmp_path / 'f')


@pytest.mark.parametrize('net, to, message', [
    (video_net, 'mvit', 'mvit has image models only; use slowfast'),
    (video_net, 'timm', 'timm has image models only'),
    (video_net, 'detectron2', 'detectron2 has image models only'),
    (image_net, 'torchvision', 'torchvision has video models with a class token only'),
])
def test_layouts_without_such_a_model(tmp_path, net, to, message):
    torch.save(net().state_dict(), tmp_path / 'f')
    with pytest.raises(CheckpointError, match=f'cannot become a {to} checkpoint: {message}'):
        convert(tmp_path / 'f', tmp_path / 'out.pth', to=to)
    assert not (tmp_path / 'out.pth').exists()
