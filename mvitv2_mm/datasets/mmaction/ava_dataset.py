import os.path as osp
from collections import defaultdict
from functools import partial
from typing import Dict, List, Optional, Tuple

import numpy as np

from ...registry import DATASETS
from ..lists import parse_lines
from ..readers import UnreadableClipError, find_videos, frame_numbers
from ..storage import is_file
from ..video_index import video_duration
from .annotations import KEY_COLUMNS, PERSON_COLUMNS, Key, parse_key, parse_person, read_detections
from .clip_dataset import ClipDataset


@DATASETS.register_module()
class AVADataset(ClipDataset):
    """Key frames with boxes of people and their actions, of AVA and in its format.

    Items are the annotated key frames in training, and in testing the key frames with a detected
    person, annotated or not. ``data_prefix`` is ``dict(img=...)`` for folders of frames,
    ``FOLDER/VIDEO/img_00001.jpg``, and ``dict(video=...)`` for video files, ``FOLDER/VIDEO.mp4``.
    All boxes are relative to the picture. The defaults are those of AVA.

    mmaction2's ``AVADataset`` tests on annotated frames only, with the best box or the whole
    picture where no detection is good enough, and reads frames that are one too late.

    Args:
        ann_file (str): Lines ``video,second,x1,y1,x2,y2,action,person``; actions count from 1.
        proposal_file (str, optional): Pickle of a dict from 'VIDEO,0902' to an array of rows
            ``x1, y1, x2, y2, score``: detected people. Defaults to None: the annotated boxes, with
            which testing tells how well actions are recognised where people are found.
        exclude_file (str, optional): Lines ``video,second``: key frames to leave out. Defaults to
            None.
        min_score (float): Detections with lower scores are not used. Defaults to 0.8.
        num_actions (int): Number of actions, the length of a label. Defaults to 80.
        first_second (int): The second that annotations give to the first frame. Defaults to 900.
        fps (float): Frames per second of folders; video files tell when a frame is shown. Defaults
            to 30.
        num_frames (int, optional): Frames in each folder. Defaults to None: as many as there are.
        key_seconds (tuple[int, int], optional): First and last second to test on. Defaults to None:
            all that have detections.
        **kwargs: See :class:`ClipDataset`.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is not as described, a second is outside of its video, or no key frame
            is left.

    Source: SlowFast ``slowfast/datasets/ava_dataset.py`` and ``ava_helper.py``.
    """
    _holds_texts = False

    def __init__(self,
                 ann_file: str,
                 proposal_file: Optional[str] = None,
                 exclude_file: Optional[str] = None,
                 min_score: float = 0.8,
                 num_actions: int = 80,
                 first_second: int = 900,
                 fps: float = 30,
                 num_frames: Optional[int] = None,
                 key_seconds: Optional[Tuple[int, int]] = None,
                 **kwargs) -> None:
        self.proposal_file = proposal_file
        self.exclude_file = exclude_file
        self.min_score = min_score
        self.num_actions = num_actions
        self.first_second = first_second
        self.fps = fps
        self.num_frames = num_frames
        self.key_seconds = key_seconds
        super().__init__(ann_file=ann_file, **kwargs)

    def _join_prefix(self) -> None:
        """Complete the paths, see :class:`mmengine.dataset.BaseDataset`."""
        super()._join_prefix()
        if self.proposal_file:
            self.proposal_file = osp.join(self.data_root, self.proposal_file)
        if self.exclude_file:
            self.exclude_file = osp.join(self.data_root, self.exclude_file)

    def load_data_list(self) -> List[dict]:
        """Put the annotations and detections of each key frame together."""
        people: Dict[Key, Dict[tuple, List[int]]] = defaultdict(lambda: defaultdict(list))
        parse = partial(parse_person, num_actions=self.num_actions)
        for row in parse_lines(self.ann_file, parse, PERSON_COLUMNS):
            people[row['key']][row['box']].append(row['action'])
        detections = self._load_detections(people)
        excluded = set()
        if self.exclude_file:
            excluded.update(parse_lines(self.exclude_file, parse_key, KEY_COLUMNS))
        keys = sorted(set(detections if self.test_mode else people) - excluded)
        if not keys:
            raise ValueError(f'no key frame is left of {self.proposal_file or self.ann_file}; '
                             'lower "min_score", or widen "key_seconds" of the dataset')
        self._files = {}
        if is_file(self.data_prefix.get('video', '://')):
            self._files = find_videos(self.data_prefix['video'])
        videos = {video: self._open_video(video) for video in {video for video, _ in keys}}
        return [
            dict(
                self._locate_key(key, *videos[key[0]]),
                **self._label(people.get(key, {})),
                proposals=detections.get(key, np.zeros((0, 4))).astype(np.float32)) for key in keys
        ]

    def _load_detections(self, people: Dict[Key, Dict[tuple, List[int]]]) -> Dict[Key, np.ndarray]:
        """Boxes of shape (n, 4) that are good enough, for key frames that have any."""
        if self.proposal_file:
            boxes = {
                key: rows[rows[:, 4] >= self.min_score, :4]
                for key, rows in read_detections(self.proposal_file).items()
            }
        else:
            boxes = {key: np.array(list(boxes)) for key, boxes in people.items()}
        first, last = self.key_seconds or (-np.inf, np.inf)
        return {key: box for key, box in boxes.items() if len(box) and first <= key[1] <= last}

    def _open_video(self, video: str) -> Tuple[dict, Optional[float]]:
        """How to read a video, and how many seconds it lasts if that is known."""
        if 'video' in self.data_prefix:
            path = self._files.get(video, self._locate('video', video))
            return dict(filename=path), video_duration(path) if is_file(path) else None
        folder, total, start = self._locate('img', video), self.num_frames, self.start_index
        if total is None:
            try:
                numbers = frame_numbers(folder, self.filename_tmpl)
                start = numbers[0] if start is None else start
                total = numbers[-1] - start + 1
            except UnreadableClipError:
                pass  # reported when it is to be read
        info = dict(
            frame_dir=folder,
            total_frames=total,
            filename_tmpl=self.filename_tmpl,
            first_number=start)
        return info, total and total / self.fps

    def _locate_key(self, key: Key, info: dict, length: Optional[float]) -> dict:
        """Where a key frame is in its video, which lasts ``length`` seconds."""
        video, second = key
        start = second - self.first_second
        if start < 0 or (length is not None and start >= length):
            end = '' if length is None else f' to {self.first_second + length:g}'
            raise ValueError(
                f'second {second} is outside of the video {video}, which shows the seconds '
                f'{self.first_second}{end}; set "first_second" of the dataset (and "fps" for '
                'folders of frames), or remove the second from the annotations and detections')
        info = dict(info, video_id=video, timestamp=second, img_key=f'{video},{second:04d}')
        if 'filename' in info:  # the file tells which frame it shows then
            return dict(info, key_second=start)
        return dict(info, key_frame=round(start * self.fps))

    def _label(self, people: Dict[tuple, List[int]]) -> dict:
        labels = np.zeros((len(people), self.num_actions), np.float32)
        for row, actions in zip(labels, people.values()):
            row[np.array(actions) - 1] = 1
        return dict(gt_bboxes=np.array(list(people), np.float32).reshape(-1, 4), gt_labels=labels)
