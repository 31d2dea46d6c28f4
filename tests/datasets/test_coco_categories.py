"""The categories of a file of gigabytes are read without the rest of it."""
import json

import pytest

from mvitv2_mm.datasets.coco_categories import read_categories

CATEGORIES = [dict(id=i, name=f'class {i} "\u00e9]" {"x" * 100}') for i in range(1000)]


@pytest.mark.parametrize('indent', [None, 1])
@pytest.mark.parametrize('order', [('categories', 'annotations'), ('annotations', 'categories')])
def test_categories_are_found_anywhere(order, indent, tmp_path):
    tables = dict(annotations=[dict(id=i) for i in range(10)], categories=CATEGORIES)
    path = tmp_path / 'a.json'
    for ascii in (True, False):
        text = json.dumps({key: tables[key] for key in order}, indent=indent, ensure_ascii=ascii)
        path.write_text(text, encoding='utf-8')
        assert read_categories(str(path)) == CATEGORIES


def test_annotations_are_not_parsed(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"annotations": [not parsed], "categories": [{"id": 1, "name": "a"}]}')
    assert read_categories(str(path)) == [dict(id=1, name='a')]


def test_where_it_is_not_clear_the_whole_file_is_parsed(tmp_path):
    path = tmp_path / 'a.json'
    inner = dict(info=dict(categories=[1, 2]), categories=[dict(id=1, name='a')])
    path.write_text(json.dumps(inner))
    assert read_categories(str(path)) == inner['categories']
    path.write_text('\ufeff{"images": []}', encoding='utf-8')
    assert read_categories(str(path)) == []
    path.write_text('{"categories": [{"id": 1')
    with pytest.raises(ValueError):
        read_categories(str(path))
