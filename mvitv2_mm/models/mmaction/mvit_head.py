"""A head that needs mmaction2; imported by the configs that use it."""
from mmaction.models.heads import MViTHead as MMActionMViTHead
from torch import nn

from ...registry import MODELS


@MODELS.register_module()
class MViTHead(MMActionMViTHead):
    """mmaction2's ``MViTHead`` that starts from its own initialisation.

    mmaction2 hands parameters to helpers that expect a module and skip everything else, so its
    classifier starts from PyTorch's default.

    Arguments are mmaction2's.
    """

    def init_weights(self) -> None:
        """Start from a normal distribution of ``init_std`` and biases of 0.02, times the scale."""
        nn.init.trunc_normal_(self.fc_cls.weight, std=self.init_std)
        nn.init.constant_(self.fc_cls.bias, 0.02)
        self.fc_cls.weight.data.mul_(self.init_scale)
        self.fc_cls.bias.data.mul_(self.init_scale)
