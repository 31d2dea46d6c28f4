import io
import os
from typing import Union

import cv2
import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ..registry import TRANSFORMS
from .file_limits import MAX_PIXELS, check_file, open_picture
from .storage import read, shown

_AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_END = b'\xff\xd9'
# what 255 begins, but for padding, 0 where it is a value of the pixels, and numbers of restarts
_IS_MARKER = ~np.isin(range(256), [0xff, 0, *range(0xd0, 0xd8)])


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
        file = io.BytesIO(content)
        with open_picture(file, self.max_pixels) as image:
            if self._is_plain(image) and _is_one_scan(content, file.tell()):
                pixels = cv2.imdecode(np.frombuffer(content, np.uint8), _AS_STORED)
                if pixels is not None:
                    return pixels
            if image.mode[0] not in 'IF':
                return self._read_8_bits(content)
            if 'ignore_orientation' not in self.color_type:
                image = ImageOps.exif_transpose(image)
            tones = _to_8_bits(np.asarray(image))
        return tones if 'color' not in self.color_type else np.stack([tones] * 3, axis=-1)

    def _is_plain(self, image: Image.Image) -> bool:
        """Whether OpenCV, which is faster, decodes to the same bits."""
        if (image.format, image.mode) != ('JPEG', 'RGB'):
            return False
        if self.color_type == 'color':
            return image.getexif().get(ExifTags.Base.Orientation, 1) == 1
        return self.color_type == 'color_ignore_orientation'

    def _read_8_bits(self, content: bytes) -> np.ndarray:
        pixels = mmcv.imfrombytes(
            content, flag=self.color_type, channel_order='rgb', backend='pillow')
        return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)


def read_rgb(path: Union[str, os.PathLike]) -> np.ndarray:
    """RGB pixels (H, W, 3) of uint8 of a picture, as a model that was trained here sees it.

    Raises:
        OSError, ValueError: If it cannot be read.
    """
    image = LoadImage().transform(dict(img_path=os.fspath(path)))['img']
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _is_one_scan(content: bytes, start: int) -> bool:
    """Whether a JPEG file has nothing but pixels from ``start`` to its end.

    Files that are cut off, or damaged so that a marker appears, are an error of Pillow alone.
    """
    values = np.frombuffer(content, np.uint8, offset=start)
    codes = values[1:][values[:-1] == 0xff]
    return content.endswith(_END) and not _IS_MARKER[codes[:-1]].any()


def _to_8_bits(values: np.ndarray) -> np.ndarray:
    whites = [2**16 - 1]
    if values.dtype.kind == 'f':
        values = np.nan_to_num(values)
        whites = [1, 2**8 - 1, 2**16 - 1]
    white = next((white for white in whites if values.max(initial=0) <= white), 2**31 - 1)
    return np.rint(values.clip(0, white) * (255. / white)).astype(np.uint8)
