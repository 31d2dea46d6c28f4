"""A label means the name of a class, whatever folders a split has."""
import shutil

import pytest
import synthetic_data

from mvitv2_mm.data_check.images import scan_class_folders
from mvitv2_mm.data_check.report import SplitReport
from mvitv2_mm.datasets.class_folders import IMAGE_SUFFIXES
from mvitv2_mm.datasets.mmpretrain.image_dataset import ImageDataset, ImageNet
from mvitv2_mm.inference.sources import find_sources

CLASSES = ['class0', 'class1', 'class2']


@pytest.fixture
def root(tmp_path):
    synthetic_data.make_folders(tmp_path, classes=3, images_per_class=1)
    return tmp_path


def labels(root, prefix='val', **kwargs):
    kwargs.setdefault('metainfo', dict(classes=CLASSES))
    dataset = ImageDataset(data_root=str(root), data_prefix=prefix, pipeline=[], **kwargs)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return {info['img_path'].rsplit('/', 1)[1]: info.get('gt_label') for info in infos}


def test_a_split_may_lack_a_class(root):
    shutil.rmtree(root / 'val/class0')
    assert labels(root) == {'1_0.png': 1, '2_0.png': 2}


def test_order_of_the_classes_counts_not_that_of_the_folders(root):
    assert labels(
        root, metainfo=dict(classes=CLASSES[::-1])) == {
            '0_0.png': 2,
            '1_0.png': 1,
            '2_0.png': 0
        }


def test_another_folder_is_named(root):
    (root / 'val/class1').rename(root / 'val/fox')
    with pytest.raises(ValueError, match="val has folders that are none of .* classes .* 'fox'"):
        labels(root)


def test_hidden_files_and_folders_are_no_data(root):
    for folder in ('.ipynb_checkpoints', '__MACOSX', 'class1/.ipynb_checkpoints'):
        (root / 'val' / folder).mkdir()
        shutil.copy(root / 'val/class0/0_0.png', root / 'val' / folder / 'copy.png')
    for name in ('._0_0.png', '.DS_Store', 'Thumbs.db'):
        (root / 'val/class0' / name).write_text('')
    assert labels(root, metainfo=None) == {'0_0.png': 0, '1_0.png': 1, '2_0.png': 2}


def test_links_are_followed_and_none_leads_back(root):
    shutil.copytree(root / 'val/class0', root / 'more')
    (root / 'val/class1/more').symlink_to(root / 'more')
    (root / 'more/back').symlink_to(root / 'val/class1')
    (root / 'more/itself.png').symlink_to(root / 'more/itself.png')
    dataset = ImageDataset(data_root=str(root), data_prefix='val', pipeline=[])
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    wanted = ['0/0_0', '1/1_0', '1/more/0_0', '1/more/itself', '2/2_0']
    assert paths == [f'{root}/val/class{name}.png' for name in wanted]
    report = SplitReport('val', lambda *_: None)
    checked = scan_class_folders(str(root / 'val'), IMAGE_SUFFIXES, True, {}, None, report)
    predicted = [source.name for source in find_sources([root / 'val'], 'image')]
    assert checked == predicted == paths


def test_new_file_types_are_read_and_others_are_left_out_with_a_word(root, monkeypatch):
    messages = []
    monkeypatch.setattr('mvitv2_mm.datasets.mmpretrain.image_dataset.print_log',
                        lambda message, *args: messages.append(message))
    (root / 'val/class0/a.webp').write_text('')
    (root / 'val/class0/a.heic').write_text('')
    assert 'a.webp' in labels(root)
    assert len(messages) == 1 and '1 files are left out' in messages[0]


def test_lists_with_names_blank_lines_and_tabs(root):
    (root / 'val.txt').write_text('class0/0_0.png\tclass2\n\nclass1/1_0.png,1\n')
    assert labels(root, ann_file='val.txt') == {'0_0.png': 2, '1_0.png': 1}
    (root / 'val.txt').write_text('class0/0_0.png 1\nclass2/2_0.png 3\n')
    with pytest.raises(ValueError, match=r'val.txt, line 2: label 3 is outside of 0\.\.2'):
        labels(root, ann_file='val.txt')


def test_pictures_without_labels(root):
    assert labels(root, with_label=False) == dict.fromkeys(['0_0.png', '1_0.png', '2_0.png'])
    (root / 'val.txt').write_text('class0/0_0.png\n')
    assert labels(root, ann_file='val.txt', with_label=False) == {'0_0.png': None}


def test_imagenet_needs_all_of_its_folders(root):
    with pytest.raises(ValueError, match='3 class folders, but ImageNet has 1000'):
        ImageNet(data_root=str(root), split='val', pipeline=[])
