import pytest
from own_files import boxes, make_picture, refused, write

from mvitv2_mm.own_data import recognise

OBJECT = ('<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>5</xmin><ymin>5</ymin>'
          '<xmax>15</xmax><ymax>20</ymax></bndbox>{}</object>')
BOX = (5, 5, 15, 20)


def voc(name, *objects, size=(40, 30)):
    return (f'<annotation><filename>{name}</filename><size><width>{size[0]}</width><height>'
            f'{size[1]}</height><depth>3</depth></size>{"".join(objects)}</annotation>')


def obj(name, difficult=0, more=''):
    return OBJECT.format(name, difficult, more)


def test_the_layout_of_the_devkit(tmp_path):
    root = tmp_path / 'VOCdevkit' / 'VOC2012'
    for name in ('1', '2', '3'):
        make_picture(root / 'JPEGImages' / f'{name}.jpg')
        write(root / 'Annotations' / f'{name}.xml', voc(f'{name}.jpg', obj('rabbit'), obj('cat',
                                                                                          1)))
    for split, text in (('train', '1\n'), ('val', '2\n'), ('trainval', '1\n2\n'), ('cat_train',
                                                                                   '1 1\n')):
        write(root / 'ImageSets' / 'Main' / f'{split}.txt', text)
    data = recognise(tmp_path)
    assert data.classes == ('cat', 'rabbit')  # names, not the numbers of VOC's 20 classes
    assert boxes(data) == {'JPEGImages/1.jpg': [('rabbit', BOX, None), ('cat', BOX, None)]}
    assert list(boxes(data, 'val')) == ['JPEGImages/2.jpg']
    assert [o.crowd for o in data.splits['train'][0].objects] == [False, True]


def test_flat_folders_of_roboflow_with_outlines(tmp_path):
    points = ''.join(f'<x{i}>{x}</x{i}><y{i}>{y}</y{i}>'
                     for i, (x, y) in enumerate([(5, 5), (15, 5), (15, 20)], 1))
    for split in ('train', 'valid'):
        make_picture(tmp_path / split / 'ä b.jpg')
        write(tmp_path / split / 'ä b.xml',
              voc('ä b.jpg', obj('cat', more=f'<polygon>{points}</polygon>'), obj('dog')))
    data = recognise(tmp_path)
    cat = ('cat', BOX, [[5, 5, 15, 5, 15, 20]])
    assert boxes(data, 'val') == {'valid/ä b.jpg': [cat, ('dog', BOX, None)]}


def test_cvat(tmp_path):
    make_picture(tmp_path / 'JPEGImages' / 'a.png')
    write(tmp_path / 'Annotations' / 'a.xml', voc('a.png', obj('dog')))
    write(tmp_path / 'ImageSets' / 'Main' / 'default.txt', 'a\n')
    write(tmp_path / 'labelmap.txt',
          '# label:color_rgb:parts:actions\nbackground:0,0,0::\ndog:1,2,3::\ncat:3,2,1::\n')
    data = recognise(tmp_path)
    assert data.classes == ('dog', 'cat')
    assert boxes(data) == {'JPEGImages/a.png': [('dog', BOX, None)]}


def test_label_studio_with_wrong_file_names(tmp_path):
    make_picture(tmp_path / 'images' / '0a1b2c3d-a.jpg')
    write(tmp_path / 'Annotations' / '0a1b2c3d-a.xml', voc('0a1b2c3d-a', obj('dog')))
    assert list(boxes(recognise(tmp_path))) == ['images/0a1b2c3d-a.jpg']


@pytest.mark.parametrize('text, message', [
    ('<annotation>\n<object>', 'a.xml, line 2: not valid XML'),
    (voc('a.jpg', obj('')), 'an object has no <name>'),
    (voc('a.jpg',
         obj('dog').replace('>5<', '>x<')), 'could not convert string'),
    (voc('a.jpg',
         obj('dog').replace('<xmin>5</xmin>', '')), 'has no <bndbox> with xmin'),
    (voc('a.jpg', obj('dog'), size=(80, 60)), 'annotated as 80 x 60'),
])
def test_broken_files_are_named(tmp_path, text, message):
    make_picture(tmp_path / 'a.jpg')
    write(tmp_path / 'a.xml', text)
    refused(tmp_path, message)
