"""Predictions that a test has saved, read without running anything that the file names."""
import pickle
from pathlib import Path
from typing import Any, List, Optional

import numpy as np

from ..safe_pickle import load_tensors


def read_dump(path: Path) -> List[dict]:
    """Read what ``test --dump`` saves.

    Returns:
        list[dict]: One per sample; tensors have become arrays.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is something else, or holds more than arrays and plain values.
    """
    try:
        content = load_tensors(str(path))
    except pickle.UnpicklingError as error:
        raise ValueError(f'{path} is no dump of "test --dump": {error}') from error
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        raise ValueError(f'{path} is no dump of "test --dump", which is a list of samples')
    return [_arrays(sample) for sample in content]


def _arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_arrays(item) for item in value]
    if hasattr(value, 'detach'):
        return (value.float() if value.is_floating_point() else value).detach().numpy()
    return value


def task_of_dump(samples: List[dict]) -> str:
    """'image', 'video', 'detection' or 'action_detection', as the samples show.

    Raises:
        ValueError: If they show nothing of that kind.
    """
    first = samples[0]
    if 'pred_instances' in first:
        return 'action_detection' if 'timestamp' in first else 'detection'
    if 'pred_score' in first:
        return 'image' if 'img_path' in first else 'video'
    raise ValueError(f'the samples of the dump have {", ".join(first)}, and neither "pred_score" '
                     'nor "pred_instances": no predictions of a task that is known')


def file_of(sample: dict) -> str:
    """Path or name of the picture or clip of a sample."""
    return str(
        next(sample[key]
             for key in ('img_path', 'filename', 'frame_dir', 'video_id', 'img_id', 'sample_idx')
             if sample.get(key) is not None))


def find_file(name: str, roots: List[Path]) -> Optional[Path]:
    """The file of a sample, wherever the test was started: below one of some folders, or here."""
    for place in (Path(name), *(root / name for root in roots)):
        if place.exists():
            return place
    return None


def stack(samples: List[dict], key: str) -> np.ndarray:
    """The values of a key of all samples, as one array."""
    try:
        return np.stack([np.asarray(sample[key]) for sample in samples])
    except (KeyError, ValueError) as error:
        raise ValueError(f'not all samples of the dump have the same "{key}": {error}') from error
