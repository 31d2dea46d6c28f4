from mmdet.datasets.transforms import LoadAnnotations

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadObjects(LoadAnnotations):
    """mmdet's ``LoadAnnotations`` that takes polygons and run-length codes.

    The masks of a picture stay polygons, which are exact at any scale, unless an object to learn
    from has a run-length code: then all become bitmaps. mmdet ignores such objects with
    ``poly2mask=False``. Crowds, which nothing is learnt from, change nothing.

    Args:
        **kwargs: See mmdet's ``LoadAnnotations``, less ``poly2mask``.
    """

    def _load_masks(self, results: dict) -> None:
        self.poly2mask = not all(
            isinstance(obj['mask'], list) or obj['ignore_flag'] for obj in results['instances'])
        super()._load_masks(results)
