from unittest.mock import patch

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmpretrain.registry import MODELS as IMAGE_MODELS
from mmpretrain.structures import DataSample
from timm.data.mixup import Mixup
from timm.loss import SoftTargetCrossEntropy

from mvitv2_mm.models import ClipBatchAugment
from mvitv2_mm.models.batch_augment import cutmix, mixup, random_erase

MEAN, STD = 114.75, 57.375


def _batch(batch=4, num_classes=10, frames=2, size=(24, 32)):
    inputs = torch.arange(1., batch + 1).view(-1, 1, 1, 1, 1, 1).expand(-1, 1, 3, frames, *size)
    samples = [ActionDataSample().set_gt_label(i % num_classes) for i in range(batch)]
    return inputs.clone(), samples


def test_erasing_is_one_box_of_fresh_normal_noise():
    areas, noise = [], []
    for _ in range(300):
        clip = torch.full((1, 3, 4, 60, 80), 100.)
        random_erase(clip)
        changed = clip != 100
        assert torch.equal(changed.any(0).any(0).any(0), changed.all(0).all(0).all(0))
        rows, cols = torch.where(changed[0, 0, 0])
        h, w = rows.max() - rows.min() + 1, cols.max() - cols.min() + 1
        assert len(rows) == h * w  # a box
        assert 0.25 < h / w < 4
        areas.append(len(rows) / 4800)
        values = clip[changed].view(1, 3, 4, -1)
        assert not torch.equal(values[:, :, 0], values[:, :, 1])  # frames differ
        assert not torch.equal(values[:, 0], values[:, 1])  # channels differ
        noise.append(values.flatten())
    assert 0.015 < min(areas) < 0.04 and 0.3 < max(areas) < 0.345
    assert abs(np.mean(areas) - (0.02 + 1 / 3) / 2) < 0.02
    noise = torch.cat(noise)
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert (noise.abs() > 2.5).any()  # uint8 pixels would clip at +-2 and 2.4


def test_erasing_probability():
    augment = ClipBatchAugment(10, erase_prob=0.25, mix_prob=0)
    erased = 0
    for _ in range(100):
        inputs, samples = _batch()
        before = inputs.clone()
        inputs, samples = augment(inputs, samples)
        erased += int((inputs != before).flatten(1).any(1).sum())
        assert all(s.gt_label.shape == (1, ) for s in samples)  # hard labels
    assert abs(erased / 400 - 0.25) < 0.06


def test_mixup_by_hand():
    inputs, lam = mixup(_batch()[0], 0.75)
    assert lam == 0.75
    assert inputs[:, 0, 0, 0, 0, 0].tolist() == [1.75, 2.25, 2.75, 3.25]


def test_cutmix_pastes_a_box_and_corrects_lam():
    for _ in range(200):
        kept = np.random.rand()
        inputs, lam = cutmix(_batch()[0], kept)
        pasted = inputs[0, 0, 0, 0] == 4
        assert torch.equal(inputs[3, 0, 0, 0] == 1, pasted)
        assert abs(1 - pasted.float().mean() - lam) < 1e-6
        assert lam >= kept - 0.01
        rows, cols = torch.where(pasted)
        if len(rows):
            assert len(rows) == (rows.max() - rows.min() + 1) * (cols.max() - cols.min() + 1)
    assert cutmix(_batch()[0], 1.)[1] == 1


@pytest.mark.parametrize('switch_prob', [0., 1.])
def test_labels_follow_the_pixels(switch_prob):
    augment = ClipBatchAugment(10, erase_prob=0, switch_prob=switch_prob)
    inputs, samples = augment(*_batch())
    lam = float(samples[0].gt_label[0])
    # the mean of a mixed clip is the same mix of 1 and 4
    assert abs(inputs[0].mean() - (lam + 4 * (1 - lam))) < 1e-5
    label = samples[1].gt_label
    assert label[1] == pytest.approx(lam) and label[2] == pytest.approx(1 - lam)
    assert label.sum() == pytest.approx(1)


def test_mixup_and_cutmix_take_turns():
    counts = dict(mixup=0, cutmix=0)
    lams = []
    module = 'mvitv2_mm.models.batch_augment'

    def count(name):

        def record(inputs, lam):
            counts[name] += 1
            lams.append(lam)
            return inputs, lam

        return patch(f'{module}.{name}', record)

    augment = ClipBatchAugment(10, erase_prob=0)
    with count('mixup'), count('cutmix'):
        for _ in range(600):
            augment(*_batch(2, frames=1, size=(2, 2)))
    assert sum(counts.values()) == 600 and abs(counts['mixup'] - 300) < 50
    assert abs(np.mean(lams) - 0.5) < 0.05


def test_a_batch_of_one_is_not_mixed():
    inputs, samples = ClipBatchAugment(10, erase_prob=0)(*_batch(1))
    assert torch.allclose(inputs, torch.ones(1))
    assert samples[0].gt_label.tolist() == pytest.approx([1.] + [0.] * 9)


def _preprocessor(**kwargs):
    return MODELS.build(
        dict(
            type='ActionDataPreprocessor',
            mean=[MEAN] * 3,
            std=[STD] * 3,
            format_shape='NCTHW',
            blending=dict(type='mvitv2_mm.ClipBatchAugment', num_classes=10, **kwargs)))


def test_in_the_preprocessor_of_mmaction():
    """Noise comes after normalisation, and only in training."""
    data = dict(inputs=[torch.zeros(1, 3, 2, 40, 40, dtype=torch.uint8) for _ in range(2)])
    preprocess = _preprocessor(erase_prob=1., mix_prob=0.)
    data['data_samples'] = _batch(2)[1]
    inputs = preprocess(data, training=True)['inputs']
    noise = inputs[inputs != -MEAN / STD]
    assert noise.numel() >= 2 * 3 * 2 * 30
    assert noise.max() > 2 and noise.min() < -2.1
    data['inputs'] = [torch.zeros(1, 3, 2, 40, 40, dtype=torch.uint8) for _ in range(2)]
    assert (preprocess(data, training=False)['inputs'] == -MEAN / STD).all()


def test_loss_of_mixed_and_smoothed_labels():
    """Smoothing in the head after mixing equals the official smoothing before it."""
    head = MODELS.build(
        dict(type='MViTHead', num_classes=5, in_channels=8, label_smooth_eps=0.1, dropout_ratio=0))
    scores = torch.randn(2, 5)
    samples = [ActionDataSample().set_gt_label(i) for i in (1, 3)]
    with patch('numpy.random.beta', lambda a, b: 0.3):
        ClipBatchAugment(5, erase_prob=0, switch_prob=0)(torch.zeros(2, 1, 3, 1, 4, 4), samples)
    loss = head.loss_by_feat(scores, samples)['loss_cls']
    smooth = torch.full((2, 5), 0.02)
    smooth[0, 1] += 0.9
    smooth[1, 3] += 0.9
    target = 0.3 * smooth + 0.7 * smooth.flip(0)
    assert torch.allclose(loss, -(target * scores.log_softmax(1)).sum(1).mean())


def _classifier(**kwargs):
    return IMAGE_MODELS.build(
        dict(
            type='ImageClassifier',
            data_preprocessor=dict(num_classes=6, mean=[100.] * 3, std=[50.] * 3, to_rgb=True),
            backbone=dict(type='mmpretrain.ResNet', depth=18, norm_eval=True),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=6,
                in_channels=512,
                loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
            train_cfg=dict(
                augments=dict(type='mvitv2_mm.models.ImageBatchAugment', **kwargs)))).eval()


def _images(batch=4):
    inputs = torch.randint(0, 256, (batch, 3, 32, 32), dtype=torch.uint8)
    return dict(inputs=inputs, data_samples=[DataSample().set_gt_label(i) for i in range(batch)])


@pytest.mark.parametrize('switch_prob', [0., 1.])
def test_loss_of_images_equals_timm(switch_prob):
    """Normalisation, mixing and smoothing in mmpretrain against timm's, with the same draws."""
    model, data = _classifier(erase_prob=0, switch_prob=switch_prob), _images()
    expected_inputs = (data['inputs'].flip(1).float() - 100) / 50
    timm = Mixup(0.8, 1., switch_prob=switch_prob, label_smoothing=0.1, num_classes=6)
    # newer versions of timm place boxes of odd size differently
    with patch('numpy.random.beta', lambda a, b: 0.75):
        np.random.seed(1)
        batch = model.data_preprocessor(data, training=True)
        np.random.seed(1)
        np.random.choice(1)  # which augmentation
        np.random.rand(len(expected_inputs))  # which images to erase
        expected_inputs, target = timm(expected_inputs, torch.arange(4))
    torch.testing.assert_close(batch['inputs'], expected_inputs)
    expected = SoftTargetCrossEntropy()(model(expected_inputs), target)
    loss = model(batch['inputs'], batch['data_samples'], mode='loss')['loss']
    torch.testing.assert_close(loss, expected)
    # control: other partners
    wrong = SoftTargetCrossEntropy()(model(expected_inputs), target.roll(1, 0))
    assert abs(loss - wrong) > 1e-4


def test_erased_images_keep_their_labels():
    model, data = _classifier(erase_prob=1., mix_prob=0.), _images()
    data['inputs'][:] = 100
    batch = model.data_preprocessor(data, training=True)
    scores = torch.stack([sample.gt_score for sample in batch['data_samples']])
    assert torch.equal(scores, torch.eye(6)[:4])
    for image in batch['inputs']:
        noise = image[image != 0]
        assert 0.01 < len(noise) / image.numel() < 0.35
        assert noise.unique().numel() > 0.9 * noise.numel()  # pixels would be whole numbers
    assert batch['inputs'].min() < -2  # black is -2
    assert (model.data_preprocessor(data, training=False)['inputs'] == 0).all()


def test_several_labels_are_mixed_as_they_are():
    inputs, samples = _batch(batch=2)
    for sample, label in zip(samples, ([1., 1., 0.], [0., 0., 1.])):
        sample.set_gt_label(torch.tensor(label))
    with patch('numpy.random.beta', return_value=0.75):
        _, samples = ClipBatchAugment(3, erase_prob=0, switch_prob=0)(inputs, samples)
    assert samples[0].gt_label.tolist() == [0.75, 0.75, 0.25]
