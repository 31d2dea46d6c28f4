import logging
from typing import List, Sequence

from mmdet import datasets as host
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from ...registry import DATASETS
from ..coco_format import lack_masks, read_coco, read_mask
from ..unreadable import ReadsPictures


def category_ids(api: COCO, names: Sequence[str]) -> List[int]:
    """Ids of categories by their names, in the order of the names.

    A name that the file does not list gets an id that no object has.

    Raises:
        ValueError: If two categories have the same name, or if the file lacks some names and has
            others in their place.
    """
    categories = list(api.cats.values())
    found = {category['name']: category['id'] for category in categories}
    if len(found) < len(categories):
        raise ValueError(f'two of the {len(categories)} categories have the same name: '
                         f'{", ".join(str(category["name"]) for category in categories)[:200]}')
    lacking = [name for name in names if name not in found]
    more = [name for name in found if name not in names]
    if lacking and more:
        raise ValueError(
            f'the annotation file has no category {str(lacking)[1:-1][:150]}, which the classes '
            f'of the training name, but {str(more)[1:-1][:150]}, which they do not; rename the '
            'categories, or set "metainfo.classes"')
    if more:
        print_log(
            f'objects of the categories {str(more)[1:-1][:200]} are left out, which the '
            'classes of the training do not name', 'current', logging.WARNING)
    for number, name in enumerate(lacking, 1):
        api.cats[-number] = dict(id=-number, name=name)
        found[name] = -number
    return [found[name] for name in names]


class NamedCOCO(COCO):
    """Annotations as :func:`read_coco` reads them, and categories by their names.

    Args:
        annotation_file (str): A file on this machine.

    Raises:
        ValueError: If the file is not in COCO's format; names the entry.
    """

    def __init__(self, annotation_file: str) -> None:
        super().__init__()
        self.dataset = read_coco(annotation_file)
        self.createIndex()
        self.img_ann_map, self.cat_img_map = self.imgToAnns, self.catToImgs

    def get_cat_ids(self, cat_names=(), sup_names=(), cat_ids=()) -> List[int]:
        if cat_names:
            return category_ids(self, cat_names)
        return super().get_cat_ids(cat_names, sup_names, cat_ids)


@DATASETS.register_module()
class CocoDataset(ReadsPictures, host.CocoDataset):
    """mmdet's ``CocoDataset`` in which a label means the name of a category.

    mmdet numbers the categories in the order in which each annotation file lists them, so that
    another order, or a category less, gives the objects of a split the labels of other classes.
    A picture that cannot be read is treated as :class:`ReplacesUnreadable` says.

    Raises:
        ValueError: If the file is not as :func:`read_coco` takes it, if its names and
            ``metainfo['classes']`` do not belong together, if a training would have no object to
            learn from, or if the pipeline loads masks and an object has none.
    """
    COCOAPI = NamedCOCO

    def load_data_list(self) -> List[dict]:
        """Load the annotations; see mmdet's ``CocoDataset``."""
        try:
            data_list = super().load_data_list()
        except ValueError as error:
            is_named = str(error).startswith(self.ann_file)
            raise ValueError(str(error) if is_named else f'{self.ann_file}: {error}') from error
        if not self.test_mode:
            self._check_objects(data_list)
        if any(getattr(step, 'with_mask', False) for step in self.pipeline.transforms):
            self._check_masks(data_list)
        return data_list

    def filter_data(self) -> List[dict]:
        """Leave out pictures as ``filter_cfg`` says; see mmdet's ``CocoDataset``."""
        kept = super().filter_data()
        # needed no more, and its numbers lie scattered in the memory that the file's objects took
        del self.cat_img_map
        return kept

    def _check_objects(self, data_list: List[dict]) -> None:
        objects = [obj for info in data_list for obj in info['instances']]
        if all(obj['ignore_flag'] for obj in objects):
            reason = ('all are crowds; set their "iscrowd" to 0' if objects else
                      'none is of one of the classes, a pixel large, and inside of its picture')
            raise ValueError(f'{self.ann_file}: nothing is learnt from its objects, because '
                             f'{reason}')

    def _check_masks(self, data_list: List[dict]) -> None:
        objects = [(info['img_path'], obj) for info in data_list for obj in info['instances']]
        absent = [path for path, obj in objects if 'mask' not in obj]
        void = [path for path, obj in objects if 'mask' in obj and not read_mask(obj['mask'])]
        if lack_masks(len(absent), len(void), len(objects)):
            raise ValueError(
                f'{self.ann_file}: {len(absent + void)} objects have no mask ("segmentation"), '
                f'which the recipe trains on, the first in {(absent + void)[0]}; add the masks, or '
                'train on boxes alone as docs/datasets.md shows')
        if void:
            print_log(
                f'{self.ann_file}: {len(void)} objects have a mask of less than three points and '
                f'are not learnt from, the first in {void[0]}', 'current', logging.WARNING)


@DATASETS.register_module()
class LVISV1Dataset(ReadsPictures, host.LVISV1Dataset):
    """mmdet's ``LVISV1Dataset``, with pictures treated as :class:`ReplacesUnreadable` says."""
