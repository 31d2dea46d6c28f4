"""The config's own test pipeline, for one picture or clip at a time."""
import copy
import threading
from importlib import import_module
from typing import Any, Callable, List, Optional, Union

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS

from ..config_walk import leaf_datasets
from ..datasets.file_limits import MAX_PIXELS, check_picture
from ..datasets.load_image import LoadImage

# steps of our datasets and of mmaction2 that open a clip, and that read its frames
_OPEN = ('OpenClip', 'DecordInit', 'OpenCVInit', 'PIMSInit', 'PyAVInit')
_READ = ('ReadFrames', 'DecordDecode', 'OpenCVDecode', 'PIMSDecode', 'PyAVDecode', 'RawFrameDecode')


def _name(step: dict) -> str:
    return step['type'].rpartition('.')[2]


def test_dataset(cfg: Config) -> dict:
    """The dataset that a config tests on, inside of any wrappers.

    Raises:
        ValueError: If the config tests on nothing.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ValueError(f'{cfg.filename or "the config"} has no "test_dataloader", whose pipeline '
                         'would say how inputs are prepared')
    return next(dataset for _, dataset in leaf_datasets(loader['dataset']))


def test_steps(cfg: Config, fast: bool, one_clip: bool = False) -> List[dict]:
    """The steps of the test pipeline.

    Args:
        cfg (Config): Whole config.
        fast (bool): One view: the centre of the clip and frame.
        one_clip (bool): One view in time, and all those in space. Defaults to False.
    """
    dataset = test_dataset(cfg)
    if not dataset.get('pipeline'):
        raise ValueError(
            '"test_dataloader.dataset" of the config has no "pipeline", which says how '
            'inputs are prepared')
    steps = [dict(step) for step in dataset['pipeline']]
    if fast:
        steps = [
            dict(type='CenterCrop', crop_size=step['crop_size'])
            if _name(step) in ('ThreeCrop', 'TenCrop') else step for step in steps
        ]
    if fast or one_clip:
        steps = [{**step, 'num_clips': 1} if 'num_clips' in step else step for step in steps]
    return steps


def _reading_step(steps: List[dict], reads: Callable[[str], bool], what: str) -> int:
    """Position of the first step that reads, by its name."""
    names = list(map(_name, steps))
    place = next((i for i, name in enumerate(names) if reads(name)), None)
    if place is None:
        raise ValueError(f'the test pipeline of the config reads no {what}; it has '
                         f'{", ".join(names)}')
    return place


class _Steps:
    """Steps of a host library, one copy for each thread."""

    def __init__(self, steps: List[dict], host: str) -> None:
        import_module(f'{host}.datasets')
        self._built = Compose([TRANSFORMS.build(dict(step, _scope_=host)) for step in steps])
        self._copies = threading.local()

    def __call__(self, results: dict) -> dict:
        if not hasattr(self._copies, 'steps'):
            self._copies.steps = copy.deepcopy(self._built)
        return self._copies.steps(results)


class PicturePipeline:
    """Prepares pictures as the dataset of the config does.

    Args:
        cfg (Config): Whole config of a model for pictures.
        fast (bool): One view. Defaults to False.
    """

    def __init__(self, cfg: Config, fast: bool = False) -> None:
        steps, host = test_steps(cfg, fast), cfg.get('default_scope', 'mmengine')
        place = _reading_step(steps, lambda name: name.startswith('LoadImage'), 'picture')
        self._load = _Steps(steps[:place + 1], host)
        self._rest = _Steps(steps[place + 1:], host)
        self._max_pixels = steps[place].get('max_pixels', MAX_PIXELS)
        self._load_others = LoadImage(
            color_type=steps[place].get('color_type', 'color'), max_pixels=self._max_pixels)

    def read(self, picture: Union[str, np.ndarray]) -> dict:
        """Read a picture.

        Args:
            picture (str | np.ndarray): A path, or RGB pixels (H, W, 3) of uint8.

        Returns:
            dict: With 'img', the picture in the order of channels that the steps expect.

        Raises:
            OSError, ValueError: If it cannot be read.
        """
        info = dict(img_path='', img_id=0, instances=[])
        if isinstance(picture, np.ndarray):
            image = np.ascontiguousarray(picture[..., ::-1])
            return dict(info, img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        info['img_path'] = picture
        try:
            check_picture(picture, self._max_pixels)
            return self._load(dict(info))
        except (AssertionError, AttributeError, ValueError):  # OpenCV does not know this kind
            return self._load_others.transform(info)

    def prepare(self, results: dict) -> dict:
        """Turn what :meth:`read` returns into 'inputs' and 'data_samples'."""
        height, width = results['ori_shape'][:2]
        return self._rest(dict(results, height=height, width=width))


class ClipPipeline:
    """Prepares clips as the dataset of the config does.

    Args:
        cfg (Config): Whole config of a model for clips.
        fast (bool): One view. Defaults to False.
        one_clip (bool): One view in time. Defaults to False.
    """

    def __init__(self, cfg: Config, fast: bool = False, one_clip: bool = False) -> None:
        steps, host = test_steps(cfg, fast, one_clip), cfg.get('default_scope', 'mmengine')
        steps = [step for step in steps if _name(step) not in _OPEN]
        place = _reading_step(steps, lambda name: name in _READ, 'frames')
        self.steps = steps
        self._sample = _Steps(steps[:place], host)
        self._rest = _Steps(steps[place + 1:], host)

    def read(self, clip: Any, info: Optional[dict] = None) -> dict:
        """Read the frames of a clip that the config samples.

        Args:
            clip (Any): A reader with ``num_frames``, ``fps`` and ``read(indices)``.
            info (dict, optional): What else the dataset tells the steps. Defaults to None.

        Returns:
            dict: With 'imgs', the RGB frames (H, W, 3), and 'frame_inds', their numbers.

        Raises:
            UnreadableClipError: If no frame can be read.
        """
        results = self.sample(clip, info)
        imgs = clip.read(results['frame_inds'])
        shape = imgs[0].shape[:2]
        return dict(results, imgs=imgs, img_shape=shape, original_shape=shape)

    def sample(self, clip: Any, info: Optional[dict] = None) -> dict:
        """Choose frames of a clip, of which ``num_frames`` and ``fps`` are known; 'frame_inds'."""
        return self._sample(
            dict(
                info or {},
                filename=getattr(clip, 'path', ''),
                modality='RGB',
                start_index=0,
                total_frames=clip.num_frames,
                avg_fps=clip.fps))

    def prepare(self, results: dict) -> dict:
        """Turn what :meth:`read` returns into 'inputs' and 'data_samples'."""
        return self._rest(results)
