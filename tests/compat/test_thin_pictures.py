import mmcv
import numpy as np
import pytest
from mmdet.datasets.transforms import Resize


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_elongated_pictures_keep_a_pixel(backend):
    image = np.full((3, 3000, 3), 7, np.uint8)
    resize = Resize(scale=(102, 102), keep_ratio=True, backend=backend)
    assert resize(dict(img=image))['img'].shape == (1, 102, 3)
    assert mmcv.rescale_size((3000, 3), (600, 600)) == (600, 1)
    assert mmcv.rescale_size((40, 30), (20, 20)) == (20, 15)
