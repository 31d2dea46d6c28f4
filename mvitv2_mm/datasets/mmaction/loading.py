from typing import Optional

from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS
from ..readers import BlankClip, FrameFolder, VideoFile


@TRANSFORMS.register_module()
class OpenClip(BaseTransform):
    """Open a clip: a video file (key 'filename') or a folder of frames (key 'frame_dir').

    Adds 'video_reader', 'total_frames' and 'avg_fps' (None if unknown), as the samplers of this
    package and of mmaction2 expect, and 'key_frame', the frame that a video file shows at
    'key_second', if there is that key.

    Args:
        backend_args (dict, optional): Where clips are read from, as in mmcv's
            ``LoadImageFromFile``. Defaults to None: the beginning of a URL tells.
    """

    def __init__(self, backend_args: Optional[dict] = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        if results.get('blank'):
            reader = BlankClip()
        elif 'frame_dir' in results:
            reader = FrameFolder(results['frame_dir'],
                                 results['total_frames'], results['filename_tmpl'],
                                 results.get('first_number'), self.backend_args)
        else:
            reader = VideoFile(results['filename'], self.backend_args)
        if 'key_second' in results:
            results['key_frame'] = reader.frame_at(results['key_second'])
        results.update(video_reader=reader, total_frames=reader.num_frames, avg_fps=reader.fps)
        return results


@TRANSFORMS.register_module()
class ReadFrames(BaseTransform):
    """Read the frames at 'frame_inds' from 'video_reader'.

    Adds 'imgs', a list of RGB arrays (H, W, 3) of uint8, with 'img_shape', 'original_shape', and
    'fault' if only a part of the clip could be read.
    """
    reads_frames = True  # :class:`ClipDataset` repeats what comes after

    def transform(self, results: dict) -> dict:
        reader = results.pop('video_reader')
        imgs = reader.read(results['frame_inds'])
        shape = imgs[0].shape[:2]
        results.update(imgs=imgs, img_shape=shape, original_shape=shape, fault=reader.fault)
        return results
