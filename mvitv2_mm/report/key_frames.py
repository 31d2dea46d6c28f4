"""Key frames of a test of actions, with the people there and what they do."""
from typing import Dict, List, Optional

import numpy as np
import torch
from mmengine.config import Config
from torchvision.ops import box_iou

from ..checkpoints.tasks import data_of
from ..datasets import AVADataset
from ..drawing import missed, right, wrong
from ..evaluation.mmaction.ava_metric import IOU
from .results.actions import SHOWN_SCORE, ActionResult

_MOST = 3  # actions of a person
# the key frame alone, as it is
_PIPELINE = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleKeyFrame', clip_len=1, frame_interval=1),
    dict(type='mvitv2_mm.ReadFrames')
]


class KeyFrames:
    """Reads key frames with the dataset of the test, which is not opened before one is wanted.

    Args:
        cfg (Config): Config of the test.
    """

    def __init__(self, cfg: Config) -> None:
        self._cfg = cfg
        self._dataset = None
        self._places: Dict[tuple, int] = {}

    def read(self, sample: dict) -> Optional[np.ndarray]:
        """RGB pixels (H, W, 3) of the key frame of a sample; None if it cannot be had.

        Raises:
            OSError: If the files are not where the config says.
            ValueError: If the files or the config are damaged.
        """
        if self._dataset is None:
            self._open()
        place = self._places.get((sample['video_id'], sample['timestamp']))
        return None if place is None else np.asarray(self._dataset[place]['imgs'][0])

    def _open(self) -> None:
        settings = {**data_of(self._cfg), 'pipeline': _PIPELINE, 'test_mode': True}
        # a config that lies beside a dump may not choose what is called
        kind = settings.pop('type', None)
        if kind != 'mvitv2_mm.AVADataset':
            raise ValueError(f'key frames of {kind} cannot be read')
        try:
            self._dataset = AVADataset(**settings)
        except TypeError as error:
            raise ValueError(f'the config does not say where the videos are ({error})') from None
        for place in range(len(self._dataset)):
            info = self._dataset.get_data_info(place)
            self._places[info['video_id'], info['timestamp']] = place


def judged_people(result: ActionResult, index: int, height: int, width: int) -> List[dict]:
    """Which actions in a key frame are right, wrong and missed, to be drawn."""
    r, objects, found = result.ranked, [], set()
    boxes, actions = r.people[index]
    size = np.array([width, height] * 2)
    detected = torch.as_tensor(result.samples[index]['pred_instances']['bboxes']).double()
    overlaps = box_iou(detected, boxes).numpy()
    for row, box, overlap in zip(np.flatnonzero(r.frame == index), detected.numpy(), overlaps):
        order = np.argsort(-r.scores[row], kind='stable')[:_MOST]
        for column in order[r.scores[row, order] >= SHOWN_SCORE]:
            args = result.classes[column], r.scores[row, column], box * size
            if not r.hits[row, column]:
                is_person = (overlap >= IOU).any()
                objects.append(wrong(*args, note='not done' if is_person else 'not there'))
                continue
            objects.append(right(*args))
            same = np.flatnonzero(actions == r.actions[column])
            found.add(int(same[overlap[same].argmax()]))
    names = dict(zip(r.actions.tolist(), result.classes))
    return objects + [
        missed(names[action], box * size)
        for i, (box, action) in enumerate(zip(boxes.numpy(), actions.tolist()))
        if i not in found and action in names
    ]
