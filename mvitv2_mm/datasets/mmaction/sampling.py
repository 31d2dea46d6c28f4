"""Which frames of a video make a clip: the arithmetic of the official loaders."""
from typing import List

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class SampleClips(BaseTransform):
    """Sample clips of a fixed duration (Kinetics).

    A clip spans ``clip_len * frame_interval`` frames at ``target_fps``. Its frames are evenly
    spaced over that span including both ends, so their real distance is slightly more than
    ``frame_interval``; frames past the end of the video repeat the last one.

    Args:
        clip_len (int): Frames per clip.
        frame_interval (int): Nominal distance of the frames at ``target_fps``.
        num_clips (int): Clips per video. Defaults to 1.
        target_fps (float): Frame rate that the span refers to; a video of unknown rate is taken to
            have it. Defaults to 30.
        test_mode (bool): Evenly spread starts (one clip: the centre) instead of random ones.
            Defaults to False.

    Source: SlowFast ``slowfast/datasets/decoder.py`` with ``USE_OFFSET_SAMPLING``.
    """

    def __init__(self,
                 clip_len: int,
                 frame_interval: int,
                 num_clips: int = 1,
                 target_fps: float = 30,
                 test_mode: bool = False) -> None:
        self.clip_len = clip_len
        self.frame_interval = frame_interval
        self.num_clips = num_clips
        self.target_fps = target_fps
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Add 'frame_inds' of shape (num_clips * clip_len, ), counted from 0."""
        total = results['total_frames']
        fps = results['avg_fps'] or self.target_fps
        span = max(1., self.clip_len * self.frame_interval * fps / self.target_fps)
        clips = [
            torch.linspace(start, start + span - 1, self.clip_len)
            for start in self._starts(max(total - span, 0))
        ]
        inds = torch.cat(clips).clamp(0, total - 1).long().numpy()
        results.update(
            frame_inds=inds,
            clip_len=self.clip_len,
            num_clips=self.num_clips,
            frame_interval=self.frame_interval)
        return results

    def _starts(self, slack: float) -> List[float]:
        """First frames of the clips, between 0 and ``slack``."""
        if not self.test_mode:
            return np.random.uniform(0, slack, self.num_clips).tolist()
        if self.num_clips == 1:
            return [slack // 2]
        return [k * (slack // (self.num_clips - 1)) for k in range(self.num_clips)]


@TRANSFORMS.register_module()
class SampleSegments(BaseTransform):
    """Sample one frame from each of ``clip_len`` equal segments (Something-Something).

    Args:
        clip_len (int): Number of segments.
        test_mode (bool): The middle frame of each segment instead of a random one.
            Defaults to False.

    Source: SlowFast ``slowfast/datasets/ssv2.py``, ``get_seq_frames``. mmaction2's
    ``UniformSample`` picks other frames in test mode.
    """

    def __init__(self, clip_len: int, test_mode: bool = False) -> None:
        self.clip_len = clip_len
        self.test_mode = test_mode

    def transform(self, results: dict) -> dict:
        """Add 'frame_inds' of shape (clip_len, ), counted from 0."""
        segment = (results['total_frames'] - 1) / self.clip_len
        # np.round as in the source: halves go to the even neighbour
        ends = np.round(segment * np.arange(self.clip_len + 1)).astype(int)
        if self.test_mode:
            inds = (ends[:-1] + ends[1:]) // 2
        else:
            inds = np.random.randint(ends[:-1], ends[1:] + 1)
        results.update(frame_inds=inds, clip_len=self.clip_len, num_clips=1, frame_interval=None)
        return results


@TRANSFORMS.register_module()
class SampleKeyFrame(BaseTransform):
    """Sample a clip around a key frame (AVA).

    The clip reaches as far before the key frame as after it; of an even number of frames, the one
    after the middle is the key frame. Frames before the start or past the end of the video repeat
    its first or last one.

    Args:
        clip_len (int): Frames per clip.
        frame_interval (int): Distance of the frames.

    Source: SlowFast ``slowfast/datasets/utils.py``, ``get_sequence``. mmaction2's
    ``SampleAVAFrames`` shifts training frames at random.
    """

    def __init__(self, clip_len: int, frame_interval: int) -> None:
        self.clip_len = clip_len
        self.frame_interval = frame_interval

    def transform(self, results: dict) -> dict:
        """Add 'frame_inds' of shape (clip_len, ), counted from 0, around 'key_frame'."""
        start = results['key_frame'] - self.clip_len * self.frame_interval // 2
        inds = start + self.frame_interval * np.arange(self.clip_len)
        results.update(
            frame_inds=inds.clip(0, results['total_frames'] - 1),
            clip_len=self.clip_len,
            num_clips=1,
            frame_interval=self.frame_interval)
        return results
