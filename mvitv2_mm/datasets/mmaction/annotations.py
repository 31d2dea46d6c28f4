"""Columns of the lists of clips, and the annotations and detections of AVA."""
import os.path as osp
import pickle
from typing import Dict, Optional, Tuple

import numpy as np

from ...safe_pickle import load_arrays
from ..lists import LabelError, parse_lines

# columns of a list of clips, by the key in ``data_prefix``
CLIP_COLUMNS = dict(video='path label', img='folder num_frames label')
PERSON_COLUMNS, KEY_COLUMNS = 'video,second,x1,y1,x2,y2,action,person', 'video,second'

Key = Tuple[str, int]


def parse_person(line: str, num_actions: Optional[int] = None) -> dict:
    """Key frame, box and action of a person in AVA, see ``PERSON_COLUMNS``."""
    video, second, *box, action, _ = line.split(',')
    box = tuple(float(x) for x in box)
    if len(box) != 4:
        raise ValueError
    if not 1 <= int(action) <= (num_actions or int(action)):
        raise LabelError(f'action {action} is outside of 1..{num_actions or ""}; set "num_actions" '
                         'of the dataset if there are others')
    return dict(key=(video, int(second)), box=box, action=int(action))


def count_actions(path: str) -> int:
    """The highest action of an annotation file; 0 if there is no such file yet."""
    if not osp.isfile(path):
        return 0
    return max(row['action'] for row in parse_lines(path, parse_person, PERSON_COLUMNS))


def parse_key(key: str) -> Key:
    """A key frame of AVA, see ``KEY_COLUMNS``."""
    video, second = key.split(',')
    return video, int(second)


def read_detections(path: str) -> Dict[Key, np.ndarray]:
    """Rows x1, y1, x2, y2, score of the people detected in AVA's key frames.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a pickled dict from 'VIDEO,SECOND' to such arrays.
    """
    try:
        detections = {parse_key(key): boxes for key, boxes in load_arrays(path).items()}
        wrong = [key for key, boxes in detections.items() if boxes.shape[1:] != (5, )]
        if wrong:
            raise ValueError(f'an array of shape {detections[wrong[0]].shape} for {wrong[0]}')
    except FileNotFoundError:
        raise FileNotFoundError(f'{path} does not exist; set "data_root" and "proposal_file" of '
                                'the dataset') from None
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, TypeError,
            ValueError) as error:
        raise ValueError(f'{path}: expected a pickled dict from "VIDEO,SECOND" to arrays with rows '
                         'of x1, y1, x2, y2, score, but got '
                         f'{type(error).__name__}: {error}') from None
    return detections
