import os.path as osp
from collections import defaultdict
from typing import Dict, List, Optional

import numpy as np

from ...registry import DATASETS
from ..lists import parse_lines
from .annotations import (FIRST_SECOND, FPS, KEY_COLUMNS, KEY_SECONDS, LAST_SECOND, NUM_ACTIONS,
                          PERSON_COLUMNS, Key, parse_key, parse_person, read_detections)
from .clip_dataset import ClipDataset


@DATASETS.register_module()
class AVADataset(ClipDataset):
    """Key frames of AVA with boxes of people and their actions.

    Items are the annotated key frames in training, and in testing the key frames with a detected
    person, annotated or not. Frames are numbered pictures at 30 fps, ``FOLDER/VIDEO/
    img_00001.jpg`` being the first frame of second 900; all boxes are relative to the picture.

    mmaction2's ``AVADataset`` tests on annotated frames only, with the best box or the whole
    picture where no detection is good enough, and reads frames that are one too late.

    Args:
        ann_file (str): Lines ``video,second,x1,y1,x2,y2,action,person``; actions count from 1.
        proposal_file (str): Pickle of a dict from 'VIDEO,0902' to an array of rows
            ``x1, y1, x2, y2, score``: detected people.
        exclude_file (str, optional): Lines ``video,second``: key frames to leave out. Defaults to
            None.
        min_score (float): Detections with lower scores are not used. Defaults to 0.8.
        **kwargs: See :class:`ClipDataset`; ``data_prefix`` has the key ``img``.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is not as described.

    Source: SlowFast ``slowfast/datasets/ava_dataset.py`` and ``ava_helper.py``.
    """

    def __init__(self,
                 ann_file: str,
                 proposal_file: str,
                 exclude_file: Optional[str] = None,
                 min_score: float = 0.8,
                 **kwargs) -> None:
        self.proposal_file = proposal_file
        self.exclude_file = exclude_file
        self.min_score = min_score
        super().__init__(ann_file=ann_file, **kwargs)

    def _join_prefix(self) -> None:
        """Complete the paths, see :class:`mmengine.dataset.BaseDataset`."""
        super()._join_prefix()
        self.proposal_file = osp.join(self.data_root, self.proposal_file)
        if self.exclude_file:
            self.exclude_file = osp.join(self.data_root, self.exclude_file)

    def load_data_list(self) -> List[dict]:
        """Put the annotations and detections of each key frame together."""
        people: Dict[Key, Dict[tuple, List[int]]] = defaultdict(lambda: defaultdict(list))
        for row in parse_lines(self.ann_file, parse_person, PERSON_COLUMNS):
            people[row['key']][row['box']].append(row['action'])
        detections = self._load_detections()
        keys = detections if self.test_mode else people
        excluded = set()
        if self.exclude_file:
            excluded.update(parse_lines(self.exclude_file, parse_key, KEY_COLUMNS))
        return [
            self._item(key, people.get(key, {}), detections.get(key, np.zeros((0, 4))))
            for key in sorted(keys) if key not in excluded
        ]

    def _load_detections(self) -> Dict[Key, np.ndarray]:
        """Boxes of shape (n, 4) that are good enough, for key frames that have any."""
        boxes = {
            key: rows[rows[:, 4] >= self.min_score, :4]
            for key, rows in read_detections(self.proposal_file).items()
        }
        return {key: box for key, box in boxes.items() if len(box) and key[1] in KEY_SECONDS}

    def _item(self, key: Key, people: Dict[tuple, List[int]], detections: np.ndarray) -> dict:
        video, second = key
        labels = np.zeros((len(people), NUM_ACTIONS), np.float32)
        for row, actions in zip(labels, people.values()):
            row[np.array(actions) - 1] = 1
        return dict(
            frame_dir=self._locate('img', video),
            total_frames=(LAST_SECOND - FIRST_SECOND) * FPS,
            filename_tmpl=self.filename_tmpl,
            key_frame=(second - FIRST_SECOND) * FPS,
            video_id=video,
            timestamp=second,
            img_key=f'{video},{second:04d}',
            gt_bboxes=np.array(list(people), np.float32).reshape(-1, 4),
            gt_labels=labels,
            proposals=detections.astype(np.float32))
