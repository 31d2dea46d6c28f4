"""Transfer between sizes, ranks, tasks and class counts."""
import numpy as np
import pytest
import torch
from oracles import ARCH, FRAMES, SIZE, clips, image_net, images, randomise, to_meta
from oracles import video_net as make_video_net
from timm.models import adapt_input_conv

from mvitv2_mm import MViTv2
from mvitv2_mm.checkpoints import CheckpointError, convert, load_into
from mvitv2_mm.checkpoints.transfer import inflate_kernel
from mvitv2_mm.models import MaskFeat


def video_net(**kwargs):
    return randomise(make_video_net(**kwargs))


def save(net, path):
    torch.save({'model_state': to_meta(net.state_dict())}, path)
    return path


def linear_resize(table, length):
    """The official rule, written with numpy: half-pixel centres, no antialiasing."""
    rows = len(table)
    centres = (np.arange(length) + 0.5) * rows / length - 0.5
    return np.stack([np.interp(centres, np.arange(rows), column) for column in table.T], axis=1)


def rel_pos(net):
    return {k: v.detach().numpy() for k, v in net.named_parameters() if '.rel_pos_' in k}


@pytest.mark.parametrize('make, size', [
    (image_net, (96, 64)),
    (make_video_net, (10, 64, 96)),
])
def test_tables_are_resized_once(tmp_path, make, size):
    source = randomise(make())
    target = make(input_size=size)
    report = load_into(target, save(source, tmp_path / 'f'))
    old, new = rel_pos(source), rel_pos(target)
    resized = {entry.target for entry in report.of('resized')}
    assert resized == {key for key in old if len(old[key]) != len(new[key])} != set()
    for key, table in old.items():
        expected = linear_resize(table, len(new[key])) if key in resized else table
        np.testing.assert_allclose(new[key], expected, atol=1e-5)
    entry = report.of('resized')[0]
    assert entry.detail == f'{old[entry.target].shape} to {new[entry.target].shape}'


def test_tables_in_half_precision_are_rounded_once(tmp_path):
    source, target = randomise(image_net()).half(), image_net(input_size=128)
    load_into(target, save(source, tmp_path / 'f'))
    for key, table in rel_pos(target).items():
        exact = linear_resize(rel_pos(source)[key].astype('f8'), len(table))
        np.testing.assert_allclose(table, exact, rtol=2**-11 + 1e-6, atol=1e-6)


@torch.no_grad()
def test_resizing_on_load_is_what_the_model_does_at_run_time(tmp_path):
    source = randomise(image_net()).double()
    target = image_net(input_size=128).double()
    load_into(target, save(source, tmp_path / 'f'))
    inputs = torch.rand(1, 3, 128, 128).double()
    torch.testing.assert_close(target(inputs), source(inputs), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize('mode, expected', [
    ('centre', [0, 1, 0]),
    ('repeat', [1, 1, 1]),
    ('mean', [1 / 3, 1 / 3, 1 / 3]),
])
def test_inflated_kernels(mode, expected):
    kernel = torch.rand(4, 2, 3, 3)
    inflated = inflate_kernel(kernel, 3, mode)
    for frame, weight in enumerate(expected):
        torch.testing.assert_close(inflated[:, :, frame], kernel * weight)
    with pytest.raises(ValueError, match='"inflate" should be one of .*but got \'center\''):
        inflate_kernel(kernel, 3, 'center')


@torch.no_grad()
@pytest.mark.parametrize('mode', ['centre', 'repeat', 'mean'])
def test_image_to_video(tmp_path, mode):
    source = randomise(image_net(with_cls_token=True, out_type='cls_token'))
    target = video_net()
    report = load_into(target, save(source, tmp_path / 'f'), inflate=mode)
    old, new = source.backbone.state_dict(), target.backbone.state_dict()
    pool = 'blocks.0.attn.pool_k.weight'
    assert torch.equal(new[pool], inflate_kernel(old[pool], 3, mode))
    assert torch.equal(new['cls_token'], old['cls_token'])
    assert torch.equal(new['norm3.weight'], old['norm3.weight'])
    assert not any(v.any() for k, v in new.items() if k.endswith('rel_pos_t'))
    # keys are pooled by 2, not 1, in the second downscale block of a video model
    assert len(old['blocks.2.attn.rel_pos_h']) == 2 * len(new['blocks.2.attn.rel_pos_h']) + 1
    assert {entry.target
            for entry in report.of('resized')
            } == {'backbone.blocks.2.attn.rel_pos_h', 'backbone.blocks.2.attn.rel_pos_w'}
    inflated = report.of('inflated')
    assert len(inflated) == 1 + 3 * len(target.backbone.blocks)
    assert inflated[0].detail == f'(16, 3, 7, 7) to (16, 3, 3, 7, 7), {mode}'
    assert len(report.of('zeroed')) == len(target.backbone.blocks)
    assert not report.of('dropped', 'new')  # 7 classes in both


@torch.no_grad()
def test_centre_inflation_computes_what_the_image_model_did(tmp_path):
    """One frame per token step and the image model's strides: frame by frame the same maps."""
    image = randomise(image_net())
    kwargs = dict(
        input_size=(3, SIZE, SIZE),
        adaptive_kv_stride=(1, 4, 4),
        with_cls_token=False,
        out_type='featmap',
        patch_cfg=dict(kernel_size=(3, 7, 7), stride=(1, 4, 4), padding=(1, 3, 3)))
    video = randomise(MViTv2(ARCH, **kwargs))
    load_into(video, save(image, tmp_path / 'f'))
    frame = images()[:, :, None]
    feats = video(frame)[-1][:, :, 0]  # a clip of one frame
    expected = image.backbone(images())[-1]
    torch.testing.assert_close(feats.mean(dim=(2, 3)), expected, atol=1e-4, rtol=1e-4)


def test_class_token_is_initialised_where_the_image_model_has_none(tmp_path):
    source = randomise(image_net())
    cfg = dict(
        type='mvitv2_mm.Pretrained', checkpoint=str(save(source, tmp_path / 'f')), inflate='repeat')
    target = MViTv2(ARCH, input_size=(FRAMES, SIZE, SIZE), init_cfg=cfg)
    target.init_weights()
    assert 0.005 < target.cls_token.std() < 0.05
    assert torch.equal(target.patch_embed.projection.weight[:, :, 0],
                       source.backbone.patch_embed.projection.weight)
    assert not target.blocks[0].attn.rel_pos_t.any()


@torch.no_grad()
def test_video_to_image(tmp_path):
    source = video_net()
    target = randomise(image_net(with_cls_token=True, out_type='cls_token'))
    report = load_into(target, save(source, tmp_path / 'f'))
    key = 'patch_embed.projection.weight'
    expected = source.backbone.state_dict()[key].sum(dim=2)
    torch.testing.assert_close(target.backbone.state_dict()[key], expected)
    assert {entry.detail for entry in report.of('dropped')} == {'images have no time axis'}


def detection_backbone(**kwargs):
    return MViTv2(ARCH, input_size=SIZE, out_scales=(0, 1, 2, 3), window_size=16, **kwargs)


def test_classifier_to_detection_backbone(tmp_path):
    """As detectron2 does: norm, class token and head are not used, scale norms start fresh."""
    source = randomise(image_net(with_cls_token=True, out_type='cls_token'))
    target = detection_backbone()
    report = load_into(target, save(source, tmp_path / 'f'))
    dropped = {entry.source: entry.detail for entry in report.of('dropped')}
    assert set(dropped) == {
        'norm.weight', 'norm.bias', 'cls_token', 'head.projection.weight', 'head.projection.bias'
    }
    assert dropped['norm.weight'] == "a classifier's norm; the norms of a detector start fresh"
    assert {entry.target
            for entry in report.of('new')
            } == {f'norm{i}.{name}'
                  for i in range(4)
                  for name in ('weight', 'bias')}
    for scale in range(4):
        norm = getattr(target, f'norm{scale}')
        assert (norm.weight == 1).all() and (norm.bias == 0).all()
    assert torch.equal(target.blocks[4].attn.qkv.weight, source.backbone.blocks[4].attn.qkv.weight)


def test_a_norm_of_two_starts_fresh_as_well(tmp_path):
    target = MViTv2(ARCH, input_size=SIZE, out_scales=(0, 3))
    load_into(target, save(randomise(image_net()), tmp_path / 'f'))
    assert (target.norm3.weight == 1).all() and (target.norm3.bias == 0).all()


def test_openmmlab_classifier_to_detection_backbone(tmp_path):
    source = randomise(image_net())
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'f')
    target = detection_backbone()
    load_into(target, tmp_path / 'f')
    assert (target.norm3.weight == 1).all()
    torch.save({'state_dict': {
        'backbone.' + k: v
        for k, v in target.state_dict().items()
    }}, tmp_path / 'g')
    again = detection_backbone()
    assert load_into(again, tmp_path / 'g').is_complete  # a detector's norms are loaded


def test_widening_in_the_mlp_does_not_fit_a_detector(tmp_path):
    path = save(randomise(image_net(dim_mul_in_attention=False)), tmp_path / 'large')
    with pytest.raises(CheckpointError) as error:
        load_into(detection_backbone(), path)
    message = str(error.value)
    assert 'large does not fit the model: it is a facebookresearch/mvit checkpoint' in message
    assert 'the file widens in the MLP, the model in attention' in message
    assert 'only ImageNet-1K large and MaskFeat widen in the MLP' in message
    assert 'in the file, (' in message and '\n' not in message
    assert load_into(detection_backbone(dim_mul_in_attention=False), path)


def test_maskfeat_pretraining_to_finetuning(tmp_path):
    arch = dict(ARCH, num_layers=6)
    pretrained = randomise(
        MaskFeat(
            dict(
                type='mvitv2_mm.MaskFeatMViTv2',
                input_size=(FRAMES, SIZE, SIZE),
                arch=dict(arch, downscale_indices=[1, 2], dim_mul_indices=[1, 2, 4]),
                dim_mul_in_attention=False)))
    torch.save({'state_dict': pretrained.state_dict()}, tmp_path / 'f')
    target = make_video_net(arch=arch, out_type='avg_then_norm', dim_mul_in_attention=False)
    norm = target.backbone.norm3.weight.clone()
    report = load_into(target, tmp_path / 'f')
    # inside the last stage the grid is half as large in fine-tuning, so are the tables
    old, new = pretrained.backbone, target.backbone
    assert {entry.target
            for entry in report.of('resized')
            } == {'backbone.blocks.5.attn.rel_pos_h', 'backbone.blocks.5.attn.rel_pos_w'}
    table = old.blocks[5].attn.rel_pos_w.detach().numpy()
    np.testing.assert_allclose(
        new.blocks[5].attn.rel_pos_w.detach(),
        linear_resize(table, len(new.blocks[5].attn.rel_pos_w)),
        atol=1e-5)
    assert torch.equal(new.cls_token, old.cls_token)
    assert torch.equal(new.norm3.weight, norm)
    assert {entry.source
            for entry in report.of('dropped')} == {
                'backbone.mask_token', 'backbone.norm2.weight', 'backbone.norm2.bias',
                'neck.fc.weight', 'neck.fc.bias'
            }


@torch.no_grad()
def test_maskfeat_classifier_reads_the_norm_of_the_mean(tmp_path):
    make = dict(dim_mul_in_attention=False)
    source = video_net(out_type='avg_then_norm', **make)
    path = save(source, tmp_path / 'f')
    target = video_net(out_type='avg_then_norm', **make)
    report = load_into(target, path)
    assert not report.warnings()
    torch.testing.assert_close(target(clips()), source(clips()))
    backbone = source.backbone
    backbone.out_type = 'featmap'
    mean = backbone(clips())[-1]  # norm first: another result
    assert not torch.allclose(source.fc[0](mean.mean((2, 3, 4))), target(clips()), atol=1e-3)
    report = load_into(video_net(**make), path)
    assert "set out_type='avg_then_norm' in the backbone" in report.warnings()[0]


def test_another_number_of_classes(tmp_path):
    source = randomise(image_net())
    target = image_net(num_classes=5)
    before = target.fc[0].weight.clone()
    report = load_into(target, save(source, tmp_path / 'f'))
    assert torch.equal(target.fc[0].weight, before)
    assert report.warnings() == [
        'not used: head.projection.weight ((7, 128), the model has (5, 128))',
        'not used: head.projection.bias ((7,), the model has (5,))',
        'not in the file, newly initialised: head.fc.weight, head.fc.bias',
    ]


@torch.no_grad()
def test_first_thousand_of_imagenet_21k(tmp_path):
    source = randomise(image_net(num_classes=19168, with_cls_token=True, out_type='cls_token'))
    target = image_net(num_classes=1000, with_cls_token=True, out_type='cls_token')
    report = load_into(target, save(source, tmp_path / 'f'))
    torch.testing.assert_close(target(images()), source(images())[:, :1000])
    assert any('sliced: head.projection.weight' in line for line in report.warnings())


def test_class_token_that_is_not_read_is_noticed(tmp_path):
    source = randomise(image_net(with_cls_token=True, out_type='cls_token'))
    report = load_into(image_net(), save(source, tmp_path / 'f'))
    assert "set with_cls_token=True and out_type='cls_token'" in report.warnings()[0]
    assert any('not used: cls_token (the model has no class token' in w for w in report.warnings())


def test_another_architecture(tmp_path):
    path = save(randomise(image_net()), tmp_path / 'f')
    with pytest.raises(CheckpointError) as error:
        load_into(MViTv2('tiny', input_size=SIZE), path)
    message = str(error.value)
    for part in ('f does not fit the model: it is a facebookresearch/mvit checkpoint of a custom '
                 'MViTv2 (image, 5 blocks, 16 channels',
                 'but the model is MViTv2-tiny (image, 10 b',
                 'embed_dims is 16 in the file, 96 in the model', 'num_layers is 5 in the file, 10',
                 'e.g. patch_embed.proj.weight is (16, 3, 7, 7) in the file, (96, 3, 7, 7) in the'):
        assert part in message
    assert '\n' not in message


@pytest.mark.parametrize('kwargs, message', [
    (dict(mlp_ratio=3), r'mlp\.fc1\.weight: \(64, 16\), the model has \(48, 16\)'),
    (dict(rel_pos_embed=False), r'rel_pos_h: the model has no such tensor'),
    (dict(use_abs_pos_embed=True), r'backbone\.pos_embed: missing in the file'),
])
def test_other_settings(tmp_path, kwargs, message):
    path = save(randomise(image_net()), tmp_path / 'f')
    with pytest.raises(
            CheckpointError,
            match=f'f does not fit the model in .*{message}.*Change the '
            "backbone's config or choose other weights"):
        load_into(image_net(**kwargs), path)


def test_values_that_are_not_finite(tmp_path):
    source = randomise(image_net())
    source.backbone.blocks[3].mlp.fc1.bias.data[5] = float('nan')
    target = image_net()
    before = target.state_dict()['backbone.patch_embed.projection.weight'].clone()
    with pytest.raises(
            CheckpointError, match=r'f: backbone\.blocks\.3\.mlp\.fc1\.bias holds 1 NaN'):
        load_into(target, save(source, tmp_path / 'f'))
    assert torch.equal(target.backbone.patch_embed.projection.weight, before)


def test_a_model_without_one_mvitv2(tmp_path):
    path = save(randomise(image_net()), tmp_path / 'f')
    two = torch.nn.Sequential(image_net(), image_net())
    for model in (torch.nn.Linear(1, 1), two):
        with pytest.raises(ValueError, match=' does not hold exactly one MViTv2'):
            load_into(model, path)


def test_action_detection_head(tmp_path):
    """SlowFast's AVA head has 80 classes, mmaction2 counts an unused class before them."""
    source = video_net(num_classes=80)
    path = save(source, tmp_path / 'f')
    backbone = make_video_net().backbone
    head = torch.nn.Module()
    head.bbox_head = torch.nn.ModuleDict(dict(fc_cls=torch.nn.Linear(128, 81)))
    model = torch.nn.ModuleDict(dict(backbone=backbone, roi_head=head))
    report = load_into(model, path)
    weight = head.bbox_head['fc_cls'].weight
    assert torch.equal(weight[1:], source.fc[0].weight) and not weight[0].any()
    # a conversion without another layout keeps the names
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'ours')
    convert(tmp_path / 'ours', tmp_path / 'same.pth')
    assert torch.load(tmp_path / 'same.pth')['state_dict'].keys() == model.state_dict().keys()
    assert all(line.startswith('padded: head.projection.') for line in report.warnings())


@pytest.mark.parametrize('channels', [1, 2, 4])
def test_other_channels_as_timm(tmp_path, channels):
    source, target = randomise(image_net()), image_net(in_channels=channels)
    report = load_into(target, save(source, tmp_path / 'f'))
    kernel = source.backbone.patch_embed.projection.weight.detach().clone()
    expected = adapt_input_conv(channels, kernel)
    torch.testing.assert_close(target.backbone.patch_embed.projection.weight.detach(), expected)
    assert f'from RGB to {channels} channel' in report.changes()[0]


def test_other_channels_and_frames(tmp_path):
    source, target = randomise(image_net()), video_net(in_channels=1)
    load_into(target, save(source, tmp_path / 'f'))
    expected = source.backbone.patch_embed.projection.weight.sum(1, keepdim=True)
    torch.testing.assert_close(target.backbone.patch_embed.projection.weight.sum(2), expected)
