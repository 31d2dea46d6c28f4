"""A plain ``nn.Module`` with a classifier, for those who want no config and no runner."""
from typing import Any, Dict, Optional, Sequence

from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import Tensor, nn

from .backbones import MViTv2
from .checkpoints.loading import load_complete, load_into
from .checkpoints.model_source import open_model
from .checkpoints.preprocessing import describe_preprocessing
from .checkpoints.tasks import count_classes, task_of
from .checkpoints.zoo import ZOO
from .errors import UnknownName, UsageError
from .muting import muted
from .names import find_config, hint

# short names, and the published weights that they stand for
SHORT_NAMES = {
    'mvitv2_tiny': 'mvitv2-tiny_in1k',
    'mvitv2_small': 'mvitv2-small_in1k',
    'mvitv2_base': 'mvitv2-base_in1k',
    'mvitv2_large': 'mvitv2-large_in1k',
    'mvitv2_huge': 'mvitv2-huge_in21k',
    'mvitv2_small_video': 'mvitv2-small-16x4_k400',
    'mvitv2_base_video': 'mvitv2-base-32x3_k400',
    'mvitv2_large_video': 'mvitv2-large-40x3_k400',
}

# the vector that the classifiers of the hosts read, and the neck that makes it of a map
_VECTORS = dict(image='avg_featmap', video='cls_token')
_POOLING = 'GlobalAveragePooling'


def create_model(name: str,
                 pretrained: bool = False,
                 num_classes: Optional[int] = None,
                 **backbone: Any) -> 'MViTv2Classifier':
    """Create a classifier of pictures or clips by its name.

    Args:
        name (str): A short name, such as 'mvitv2_tiny' or 'mvitv2_small_video', or the name of
            published weights, such as 'mvitv2-base_in21k'.
        pretrained (bool): Whether to load the published weights, which are downloaded once.
            Defaults to False.
        num_classes (int, optional): Number of classes. With weights of another number, the
            classifier starts at random. Defaults to None: that of the published model.
        **backbone: Changes to the arguments of :class:`MViTv2`, such as ``drop_path_rate=0.2``.

    Returns:
        MViTv2Classifier: The model in training mode.

    Raises:
        UnknownName: If there is no such model; names similar ones.
        UsageError: If it is a published model of another task.
        CheckpointError: If the weights cannot be downloaded or do not fit.

    Examples:
        >>> import torch
        >>> from mvitv2_mm import create_model
        >>> model = create_model('mvitv2_tiny', num_classes=10)
        >>> tuple(model(torch.rand(1, 3, 224, 224)).shape)
        (1, 10)
    """
    published = SHORT_NAMES.get(name, name)
    if published not in ZOO:
        raise UnknownName(f'there is no model "{name}"{hint(name, [*SHORT_NAMES, *ZOO])}')
    # what the config imports is for data and training, and may not be installed
    cfg = Config.fromfile(find_config(ZOO[published].config), import_custom_modules=False)
    model = _build(cfg, published, num_classes, backbone)
    if pretrained:
        load_into(model, published)
    return model


class MViTv2Classifier(nn.Module):
    """An MViTv2 with a linear classifier: pictures (B, 3, H, W) or clips (B, 3, T, H, W) -> logits.

    Args:
        backbone (dict): Arguments of :class:`MViTv2`; it should return one vector.
        num_classes (int): Number of classes.
        dropout (float): Share of the features that training drops. Defaults to 0.
        preprocessing (dict, optional): What the input has gone through, see
            :func:`checkpoints.preprocessing.describe_preprocessing`: "mean" and "std" of pixels
            from 0 to 255, "colour_order", "input_size". Defaults to None.

    ``class_names`` are those of the labels in their order, or None if they are not known.
    Parameters are named ``backbone.*`` and ``head.fc.*``, as in mmpretrain's classifiers.
    """

    def __init__(self,
                 backbone: dict,
                 num_classes: int,
                 dropout: float = 0.,
                 preprocessing: Optional[dict] = None) -> None:
        super().__init__()
        self.backbone = MViTv2(**backbone)
        with muted(MMLogger.get_current_instance()):  # it lists how every parameter started
            self.backbone.init_weights()
        self.num_classes = num_classes
        self.num_features = self.backbone.out_channels[-1]
        self.head = nn.Sequential()
        self.head.add_module('dropout', nn.Dropout(dropout))
        self.head.add_module('fc', nn.Linear(self.num_features, num_classes))
        nn.init.trunc_normal_(self.head.fc.weight, std=0.02)
        nn.init.zeros_(self.head.fc.bias)
        self.preprocessing: Dict[str, Any] = preprocessing or {}
        self.class_names: Optional[Sequence[str]] = None

    @classmethod
    def from_pretrained(cls, model: str) -> 'MViTv2Classifier':
        """Load a trained classifier with its weights.

        Args:
            model (str): What commands take as MODEL: a model folder, ``hf://OWNER/NAME`` of the
                Hugging Face Hub, a published name, or a checkpoint of this package.

        Returns:
            MViTv2Classifier: The model in eval mode.

        Raises:
            UsageError: If it is a model of another task.
            CheckpointError: If it is damaged or not complete.
        """
        opened = open_model(SHORT_NAMES.get(model, model))
        plain = _build(opened.cfg, opened.name, None, {})
        load_complete(plain, opened.read_state(), opened.weights)
        plain.class_names = opened.classes
        return plain.eval()

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) or clips (B, 3, T, H, W) -> features (B, C)."""
        return self.backbone(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) or clips (B, 3, T, H, W) -> logits (B, num_classes)."""
        return self.head(self.forward_features(x))


def _build(cfg: Config, name: str, num_classes: Optional[int], changes: dict) -> MViTv2Classifier:
    task, model = task_of(cfg), cfg.model
    neck = (model.get('neck') or {}).get('type', _POOLING)
    if task not in _VECTORS or neck != _POOLING:
        raise UsageError(f'{name} is no plain classifier of pictures or clips; build it from its '
                         'config')
    backbone = {**model.backbone.to_dict(), **changes}
    del backbone['type']
    if backbone.get('out_type', 'featmap').startswith('featmap'):
        backbone['out_type'] = _VECTORS[task]
    head = model.get('head') or model.cls_head
    return MViTv2Classifier(backbone, num_classes or count_classes(model),
                            head.get('dropout_ratio', 0.), describe_preprocessing(cfg, task))
