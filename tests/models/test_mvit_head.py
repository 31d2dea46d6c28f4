import pytest

from mvitv2_mm.models.mmaction.mvit_head import MViTHead
from mvitv2_mm.registry import MODELS


@pytest.mark.parametrize('scale', [1., 0.001])
def test_classifier_starts_from_its_own_initialisation(scale):
    head = MODELS.build(
        dict(type='mvitv2_mm.MViTHead', num_classes=50, in_channels=400, init_scale=scale))
    assert isinstance(head, MViTHead)
    head.init_weights()
    # PyTorch's default has a standard deviation of 0.029 and other biases
    assert head.fc_cls.weight.std().item() == pytest.approx(0.02 * scale, rel=0.05)
    assert head.fc_cls.bias.tolist() == pytest.approx([0.02 * scale] * 50)
