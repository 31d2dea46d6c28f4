"""Explanations of predictions: one call from a prepared input to a map and its scores."""
from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np
import torch
from torch import Tensor, nn

from .faithfulness import faithfulness
from .maps import heat_map, resize
from .recording import find_backbone
from .targets import Target, find_target


@dataclass
class Explanation:
    """Where a model looks in one input.

    Attributes:
        method (str): How it was found out; see :func:`mvitv2_mm.explain.heat_map`.
        label (int): Class that is explained.
        probability (float): What the model predicts for it; of a clip, from the view that is
            explained.
        heat (Tensor): The map on the grid of the first block, (H, W) or (T, H, W); sums to 1. It
            covers what the network sees, padding included.
        frames (np.ndarray): What the network sees without padding, RGB pixels (T, H, W, 3) of
            uint8; T is 1 for a picture.
        scores (dict): See :func:`mvitv2_mm.explain.faithfulness`.
        box (list[float], optional): The object that is explained, in pixels of ``frames``.
        target (Target): The input and its score.
    """
    method: str
    label: int
    probability: float
    heat: Tensor
    frames: np.ndarray
    scores: Dict[str, dict]
    box: Optional[List[float]]
    target: Target

    def in_words(self, name: str) -> str:
        """What is explained, given the name of the class."""
        num_views = self.target.num_views
        view = '' if num_views == 1 else f' in the middle one of {num_views} views'
        return f'{name} {self.probability:.2f}{view}'

    @property
    def pixels(self) -> np.ndarray:
        """The map on the pixels of ``frames``, (T, H, W), largest value 1."""
        inputs, frames = self.target.inputs, self.frames
        heat = self.heat if self.heat.dim() == 3 else self.heat[None]
        heat = resize(heat, (len(frames), *inputs.shape[-2:]))
        heat = heat[:, :frames.shape[1], :frames.shape[2]]
        return (heat / heat.max().clamp(min=1e-30)).cpu().numpy()


def explain(model: nn.Module,
            task: str,
            packed: dict,
            method: str = 'relevance',
            label: Optional[int] = None,
            number: Optional[int] = None) -> Explanation:
    """Explain what a model predicts for one input.

    Args:
        model (nn.Module): A model with an MViTv2, in eval mode.
        task (str): 'image', 'video', 'detection' or 'action_detection'.
        packed (dict): 'inputs' and 'data_samples' as the test pipeline of the config makes them of
            one input; of several views of a clip the middle one is explained.
        method (str): 'relevance', 'rollout' or 'cam'; see :func:`mvitv2_mm.explain.heat_map`.
            Defaults to 'relevance'.
        label (int, optional): Class to explain; of a detector, the class whose best object is.
            Defaults to None: the best class or object.
        number (int, optional): Which object or person to explain, in the order of the record that
            ``predict`` gives. Defaults to None: the best one.

    Raises:
        ValueError: If the model or task cannot be explained, or there is no such class or object.
    """
    find_backbone(model)
    target = find_target(model, task, packed, label, number)
    heat = heat_map(model, target, method)
    box = None if target.box is None else target.box.tolist()
    return Explanation(method, target.label, target.probability, heat, _frames(packed, task),
                       faithfulness(target, heat), box, target)


def _frames(packed: dict, task: str) -> np.ndarray:
    """Pictures are read as BGR, clips as RGB."""
    inputs = packed['inputs']
    if task == 'video':  # (views, C, T, H, W)
        frames = inputs[len(inputs) // 2].permute(1, 2, 3, 0)
    elif task == 'action_detection':  # (C, T, H, W)
        frames = inputs.permute(1, 2, 3, 0)
    else:
        frames = inputs.permute(1, 2, 0).flip(-1)[None]
    return frames.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
