"""Loss of LVIS detectors against its formula."""
import math

import pytest
import torch
from mmdet.registry import MODELS

from mvitv2_mm.models import FederatedLoss
from mvitv2_mm.models.mmdet.lvis_v1 import IMAGE_COUNTS


def sigmoid_loss(score, target):
    p = 1 / (1 + math.exp(-score))
    return -math.log(p if target else 1 - p)


def test_federated_loss_of_all_classes_is_the_binary_cross_entropy():
    loss = FederatedLoss([5, 1, 20], num_sampled=4)
    scores, labels = torch.randn(6, 4), torch.tensor([0, 3, 2, 2, 3, 3])
    expected = sum(
        sigmoid_loss(scores[i, k].item(), labels[i] == k) for i in range(6) for k in range(3))
    assert loss(scores, labels).item() == pytest.approx(expected / 6, rel=1e-5)
    assert loss(scores, labels, avg_factor=3.).item() == pytest.approx(expected / 3, rel=1e-5)
    weight = torch.tensor([1., 0, 0, 0, 0, 0])
    expected = sum(sigmoid_loss(scores[0, k].item(), k == 0) for k in range(3))
    assert loss(scores, labels, weight).item() == pytest.approx(expected / 6, rel=1e-5)


@pytest.mark.parametrize('labels, sampled', [
    ([3, 700, 1203], 49),
    ([3, 700], 50),
    ([1203], 49),
    ([*range(60), 1203], 60),
    ([*range(50)], 50),
])
def test_number_of_classes_in_the_loss(labels, sampled):
    """The background, label 1203, takes a place."""
    loss, labels = FederatedLoss(), torch.tensor(labels)
    classes = loss.choose_classes(labels).tolist()
    assert len(classes) == len(set(classes)) == sampled
    assert set(labels.tolist()) - {1203} <= set(classes) <= set(range(1203))


def test_gradient_reaches_only_classes_in_the_loss():
    loss, scores = FederatedLoss(), torch.zeros(4, 1204, requires_grad=True)
    loss(scores, torch.tensor([3, 700, 1203, 1203])).backward()
    touched = scores.grad.any(dim=0).nonzero().flatten().tolist()
    assert len(touched) == 49 and {3, 700} <= set(touched) and 1203 not in touched


def test_other_classes_are_drawn_by_the_root_of_their_images():
    loss = FederatedLoss([1, 9, 100], num_sampled=2)  # background and one more
    drawn = [loss.choose_classes(torch.tensor([3])).item() for _ in range(4000)]
    shares = [drawn.count(k) / 4000 for k in range(3)]
    assert shares == pytest.approx([1 / 14, 3 / 14, 10 / 14], abs=0.03)
    present = {loss.choose_classes(torch.tensor([2])).tolist()[0] for _ in range(10)}
    assert present == {2}


def test_image_counts_of_lvis():
    """Rare, common and frequent classes as LVIS v1 states them."""
    assert len(IMAGE_COUNTS) == 1203 and min(IMAGE_COUNTS) == 1
    assert sum(n <= 10 for n in IMAGE_COUNTS) == 337
    assert sum(10 < n <= 100 for n in IMAGE_COUNTS) == 461
    assert sum(n > 100 for n in IMAGE_COUNTS) == 405
    weights = FederatedLoss().class_weights
    assert torch.allclose(weights**2, torch.tensor(IMAGE_COUNTS).float())
    assert 'class_weights' not in FederatedLoss().state_dict()


def box_head(num_classes, **loss):
    return MODELS.build(
        dict(
            type='Shared2FCBBoxHead',
            in_channels=2,
            fc_out_channels=4,
            roi_feat_size=1,
            num_classes=num_classes,
            loss_cls=dict(type='mvitv2_mm.FederatedLoss', **loss)))


def test_federated_loss_in_a_box_head():
    head = box_head(3, image_counts=[1, 2, 3])
    assert head.fc_cls.out_features == 4
    scores = torch.randn(5, 4)
    assert torch.equal(head.loss_cls.get_activation(scores), scores.sigmoid())


def test_wrong_class_counts():
    with pytest.raises(ValueError, match='80 classes, but "image_counts" of FederatedLoss has 120'):
        box_head(80)
    with pytest.raises(ValueError, match='should be "lvis_v1" or a positive number .* got coco'):
        FederatedLoss('coco')
    with pytest.raises(ValueError, match='positive number of training images per class'):
        FederatedLoss([3, 0])
