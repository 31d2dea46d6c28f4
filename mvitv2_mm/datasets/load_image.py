import io
import os
from typing import Union

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from PIL import ImageOps, UnidentifiedImageError

from ..registry import TRANSFORMS
from .file_limits import MAX_PIXELS, check_file, open_picture
from .storage import read, shown


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile`` with Pillow, which keeps the tones of deep pictures.

    mmcv cuts them off at 255. Here the largest value tells what white is: 65535 for 16 bits and for
    whole numbers of 32 bits up to that, 1, 255 or 65535 for floating-point numbers. What Pillow
    does not know is left to OpenCV. Special files, such as named pipes, are not opened.

    Args:
        color_type (str): 'color' turns the picture upright as its EXIF orientation says and gives
            three channels, 'color_ignore_orientation' leaves it as it is stored; 'grayscale' and
            'grayscale_ignore_orientation' give one. Defaults to 'color'.
        max_pixels (int): Pictures of more pixels, which their header tells, are not decoded.
            Defaults to 178,956,970, Pillow's limit.
        **kwargs: See mmcv's ``LoadImageFromFile``.
    """

    def __init__(self, color_type: str = 'color', max_pixels: int = MAX_PIXELS, **kwargs) -> None:
        super().__init__(color_type=color_type, imdecode_backend='pillow', **kwargs)
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """Read 'img_path' into 'img', a BGR array (H, W, 3) or a grey one (H, W) of uint8."""
        if 'img' in results:  # the inferencers of mmpretrain read by themselves
            return results
        check_file(results['img_path'])
        content = read(results['img_path'], self.backend_args)
        if not content:
            raise ValueError(f'{shown(results["img_path"])} is empty')
        try:
            image = self._read(content)
        except UnidentifiedImageError:
            image = mmcv.imfrombytes(content, flag=self.color_type, backend='cv2')
            if image is None:
                raise ValueError(f'{shown(results["img_path"])} is not a picture') from None
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results

    def _read(self, content: bytes) -> np.ndarray:
        with open_picture(io.BytesIO(content), self.max_pixels) as image:
            if image.mode[0] not in 'IF':
                return mmcv.imfrombytes(content, flag=self.color_type, backend='pillow')
            if 'ignore_orientation' not in self.color_type:
                image = ImageOps.exif_transpose(image)
            tones = _to_8_bits(np.asarray(image))
        return tones if 'color' not in self.color_type else np.stack([tones] * 3, axis=-1)


def read_rgb(path: Union[str, os.PathLike]) -> np.ndarray:
    """RGB pixels (H, W, 3) of uint8 of a picture, as a model that was trained here sees it.

    Raises:
        OSError, ValueError: If it cannot be read.
    """
    return LoadImage().transform(dict(img_path=os.fspath(path)))['img'][..., ::-1]


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    whites = [2**16 - 1]
    if values.dtype.kind == 'f':
        values = np.nan_to_num(values)
        whites = [1, 2**8 - 1, 2**16 - 1]
    white = next((white for white in whites if values.max(initial=0) <= white), 2**31 - 1)
    return np.rint(values.clip(0, white) * (255. / white)).astype(np.uint8)
