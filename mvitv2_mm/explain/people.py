"""What is explained of a model for actions of people in boxes."""
from typing import Optional

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from .targets import Target


class PersonTarget(Target):
    """An action of a person, whose box the model is told.

    Args:
        model (nn.Module): A model of mmaction2 for actions in boxes, in eval mode.
        packed (dict): See :class:`Target`; with the boxes of people.
        label (int, optional): Action to explain. Defaults to None: the most likely one.
        number (int, optional): Which of the people. Defaults to None: the one of whom the action is
            most likely.

    Raises:
        ValueError: If there is no such action or person.
    """

    def __init__(self,
                 model: nn.Module,
                 packed: dict,
                 label: Optional[int] = None,
                 number: Optional[int] = None) -> None:
        with torch.no_grad():
            found, = model.test_step(pseudo_collate([packed]))
        scores = found.pred_instances.scores  # (people, actions)
        people = range(len(scores)) if number is None else [number]
        if not len(people) or people[-1] >= len(scores):
            raise ValueError(f'{len(scores)} people are in the frame, from number 0, but got '
                             f'{number}')
        if label is None or label < scores.shape[1]:  # else it is refused as of any model
            worth = scores if label is None else scores[:, label:label + 1]
            number = max(people, key=lambda i: float(worth[i].max()))
        self.number = number
        self._box = packed['data_samples'].proposals.bboxes[number or 0].to(scores)
        super().__init__(model, packed, label)

    @property
    def box(self) -> Tensor:
        """The person, (4) in pixels of ``inputs``."""
        return self._box

    def score(self, inputs: Tensor) -> Tensor:
        """Log-odds of the action for the first input; the actions of a person are no rivals."""
        return self._logits(inputs)[0, self.label]

    def _shares(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def _logits(self, inputs: Tensor) -> Tensor:
        head = self.model.roi_head
        numbers = torch.arange(len(inputs), device=inputs.device)[:, None]
        rois = torch.cat([numbers.to(self._box), self._box.expand(len(inputs), 4)], dim=1)
        return head.bbox_head(head.bbox_roi_extractor(self.model.extract_feat(inputs), rois)[0])
