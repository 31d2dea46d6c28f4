import logging
from typing import List, Sequence

from mmdet import datasets as host
from mmdet.datasets.api_wrappers import COCO
from mmengine.logging import print_log

from ...registry import DATASETS
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


def complete_objects(api: COCO) -> None:
    """Give objects the area of their box and ``iscrowd=0`` where the file does not state them."""
    for obj in api.anns.values():
        obj.setdefault('iscrowd', 0)
        obj.setdefault('area', obj['bbox'][2] * obj['bbox'][3])


class _NamedCOCO(COCO):

    def createIndex(self) -> None:
        super().createIndex()
        complete_objects(self)

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
        ValueError: If the names in the file and in ``metainfo['classes']`` do not belong together,
            or if the pipeline loads masks and an object has none.
    """
    COCOAPI = _NamedCOCO

    def load_data_list(self) -> List[dict]:
        """Load the annotations; see mmdet's ``CocoDataset``."""
        try:
            data_list = super().load_data_list()
        except ValueError as error:
            raise ValueError(f'{self.ann_file}: {error}') from error
        if any(getattr(step, 'with_mask', False) for step in self.pipeline.transforms):
            lacking = sum('mask' not in obj for info in data_list for obj in info['instances'])
            if lacking:
                raise ValueError(
                    f'{self.ann_file}: {lacking} objects have no mask ("segmentation"), which the '
                    'recipe trains on; add the masks, or train on boxes alone as docs/datasets.md '
                    'shows')
        return data_list

    def filter_data(self) -> List[dict]:
        """Leave out pictures as ``filter_cfg`` says; see mmdet's ``CocoDataset``."""
        kept = super().filter_data()
        # needed no more, and its numbers lie scattered in the memory that the file's objects took
        del self.cat_img_map
        return kept
