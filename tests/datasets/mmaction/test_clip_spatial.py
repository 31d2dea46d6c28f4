import numpy as np
from mmaction.datasets.transforms import RandomResizedCrop

from mvitv2_mm.datasets import BoxesToPixels, ShortSideJitter


def test_short_side_jitter():
    clip = [np.full((60, 81, 3), i, np.uint8) for i in range(3)]
    sizes = []
    for _ in range(1000):
        results = ShortSideJitter(256, 320)(dict(imgs=clip, img_shape=(60, 81)))
        height, width = results['img_shape']
        assert {img.shape[:2] for img in results['imgs']} == {(height, width)}
        assert width == int(81 / 60 * height + 1e-9)
        sizes.append(height)
    assert min(sizes) == 256 and max(sizes) == 320
    # the median of a uniform inverse, 2 / (1 / 256 + 1 / 320); uniform sizes would give 288
    assert abs(np.median(sizes) - 284.4) < 2


def test_portrait_clips_keep_their_orientation():
    clip = [np.zeros((81, 60, 3), np.uint8)]
    results = ShortSideJitter(64, 64)(dict(imgs=clip, img_shape=(81, 60)))
    assert results['img_shape'] == (86, 64)


def test_boxes_follow_the_picture():
    boxes = np.array([[0.1, 0.2, 0.5, 0.75]], np.float32)
    results = dict(imgs=[np.zeros((40, 81, 3), np.uint8)], img_shape=(40, 81))
    results.update(gt_bboxes=boxes, proposals=boxes)
    results = BoxesToPixels()(results)
    np.testing.assert_allclose(results['gt_bboxes'], [[8.1, 8, 40.5, 30]], rtol=1e-6)
    results = ShortSideJitter(80, 80)(results)
    for key in ('gt_bboxes', 'proposals'):
        assert results[key].dtype == np.float32
        np.testing.assert_allclose(results[key], [[16.2, 16, 81, 60]], rtol=1e-6)
    np.testing.assert_array_equal(results['relative_boxes'], boxes)


def test_the_hosts_crop_takes_one_box_for_all_frames():
    """Of mmaction2's transform the recipes need one box per clip and the stated ranges."""
    ramp = np.stack(np.meshgrid(np.arange(170), np.arange(128)), -1).astype(np.uint8)
    clip = [np.dstack([ramp, np.full(ramp.shape[:2], i, np.uint8)]) for i in range(4)]
    crop = RandomResizedCrop(area_range=(0.08, 1.), aspect_ratio_range=(0.75, 1.3333))
    areas = []
    for _ in range(300):
        imgs = crop(dict(imgs=clip, img_shape=(128, 170)))['imgs']
        assert all(np.array_equal(img[..., :2], imgs[0][..., :2]) for img in imgs)
        height, width = imgs[0].shape[:2]
        areas.append(height * width / (128 * 170))
        assert 0.73 < width / height < 1.36
    assert 0.07 < min(areas) < 0.12 and max(areas) < 1.0001
