"""What is explained: the score that a model gives to a class, or to a class of an object."""
from typing import Optional, Tuple

import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from torch import Tensor, nn


class Target:
    """Scores of classes for one prepared input, and for changed copies of it.

    Args:
        model (nn.Module): A model of one of the three hosts, in eval mode.
        packed (dict): 'inputs' and 'data_samples' of one input, as the test pipeline of the config
            makes them, with one view.
        label (int, optional): Class to explain. Defaults to None: the best one.

    Attributes:
        inputs (Tensor): Normalised pixels (1, C, H, W) or (1, C, T, H, W) of the network.
        label (int): The class.
        probability (float): What the model predicts for it.
        number (int, optional): Number of the object that is explained; None for whole inputs.
        num_views (int): Views of a clip, of which the middle one is explained.

    Raises:
        ValueError: If the model has no such class.
    """
    number: Optional[int] = None
    num_views = 1

    def __init__(self, model: nn.Module, packed: dict, label: Optional[int] = None) -> None:
        self.model = model
        with torch.no_grad():
            data = model.data_preprocessor(pseudo_collate([packed]), False)
            self.samples = data['data_samples']
            self.inputs = self._one_view(data['inputs'])
            logits = self._logits(self.inputs)
        self.label = int(logits[0].argmax()) if label is None else label
        if not 0 <= self.label < logits.shape[1]:
            raise ValueError(f'the model has the classes 0 to {logits.shape[1] - 1}, but got '
                             f'{self.label}')
        self.probability = float(self._shares(logits)[0, self.label])

    @property
    def box(self) -> Optional[Tensor]:
        """The object that is explained, (4) in pixels of ``inputs``; None for whole inputs."""
        return None

    @property
    def visible(self) -> Tuple[int, int]:
        """Height and width of ``inputs`` without what batches are filled up with."""
        return tuple(self.inputs.shape[-2:])

    def score(self, inputs: Tensor) -> Tensor:
        """Log-odds of the class for the first input, with gradients where they are on.

        A logit alone may rise together with those of the other classes.
        """
        logits = self._logits(inputs)[0]
        others = torch.cat([logits[:self.label], logits[self.label + 1:]])
        return logits[self.label] - others.logsumexp(dim=0) if len(others) else logits[0]

    def probabilities(self, inputs: Tensor) -> Tensor:
        """Probability of the class for inputs (n, ...), without gradients."""
        with torch.no_grad():
            return self._shares(self._logits(inputs))[:, self.label]

    def _shares(self, logits: Tensor) -> Tensor:
        """Probabilities of classes, of which one is right."""
        return logits.softmax(dim=-1)

    def _one_view(self, inputs: Tensor) -> Tensor:
        return inputs

    def _logits(self, inputs: Tensor) -> Tensor:
        return self.model(inputs, mode='tensor')


class ClipTarget(Target):
    """A class of a whole clip."""

    def _one_view(self, inputs: Tensor) -> Tensor:
        # (1, views, C, T, H, W) -> (1, C, T, H, W)
        self.num_views = inputs.shape[1]
        return inputs[:, inputs.shape[1] // 2]

    def _logits(self, inputs: Tensor) -> Tensor:
        return self.model.extract_feat(inputs[:, None], stage='head')[0]


class ObjectTarget(Target):
    """A class of an object that a two-stage detector finds.

    Args:
        model (nn.Module): The detector.
        packed (dict): See :class:`Target`.
        label (int, optional): Class whose best object is explained. Defaults to None: the best
            object of all.
        number (int, optional): Which of the objects. Defaults to None: the best one.

    Raises:
        ValueError: If there is no such object.
    """

    def __init__(self,
                 model: nn.Module,
                 packed: dict,
                 label: Optional[int] = None,
                 number: Optional[int] = None) -> None:
        found = self._find(model, packed, label, number)
        scale = packed['data_samples'].metainfo['scale_factor']
        self._box = found.bboxes[0] * found.bboxes.new_tensor([*scale, *scale])
        super().__init__(model, packed, int(found.labels))
        self.probability = float(found.scores)  # of the proposal that became the box

    def _find(self, model: nn.Module, packed: dict, label: Optional[int],
              number: Optional[int]) -> InstanceData:
        with torch.no_grad():
            found, = model.test_step(pseudo_collate([packed]))
        found = found.pred_instances
        wanted = [
            i for i, one in enumerate(found.labels.tolist())
            if label in (None, one) and number in (None, i)
        ]
        if not wanted:
            which = '' if number is None else f' of number {number}'
            which += '' if label is None else f' of the class {label}'
            raise ValueError(f'the model finds no object{which}')
        best = self.number = max(wanted, key=lambda i: float(found.scores[i]))
        return found[best]

    @property
    def box(self) -> Tensor:
        """The object, (4) in pixels of ``inputs``."""
        return self._box

    @property
    def visible(self) -> Tuple[int, int]:
        """Height and width of ``inputs`` without padding."""
        return tuple(self.samples[0].img_shape[:2])

    def score(self, inputs: Tensor) -> Tensor:
        """Logit of the class, to which the tokens of the box add up."""
        return self._logits(inputs)[0, self.label]

    def _logits(self, inputs: Tensor) -> Tensor:
        head, extractor = self.model.roi_head.bbox_head, self.model.roi_head.bbox_roi_extractor
        if isinstance(head, nn.ModuleList):  # the last stage of a cascade
            head, extractor = head[-1], extractor[-1]
        feats = self.model.extract_feat(inputs)
        numbers = torch.arange(len(inputs), device=inputs.device)[:, None]
        rois = torch.cat([numbers.to(self._box), self._box.expand(len(inputs), 4)], dim=1)
        return head(extractor(feats[:extractor.num_inputs], rois))[0]


def find_target(model: nn.Module,
                task: str,
                packed: dict,
                label: Optional[int],
                number: Optional[int] = None) -> Target:
    """The target of a task: 'image', 'video', 'detection' or 'action_detection'.

    Raises:
        ValueError: If models of the task cannot be explained, or there is no such class or object.
    """
    from .people import PersonTarget
    kinds = dict(image=Target, video=ClipTarget)
    in_boxes = dict(detection=ObjectTarget, action_detection=PersonTarget)
    if task in in_boxes:
        return in_boxes[task](model, packed, label, number)
    if task not in kinds:
        raise ValueError(f'models for {task} cannot be explained; those for '
                         f'{", ".join([*kinds, *in_boxes])} can')
    if number is not None:
        raise ValueError(f'models for {task} find no objects, of which number {number} could be '
                         'explained')
    return kinds[task](model, packed, label)
