"""Each format is read back by somebody else's reader, and the numbers are compared."""
import csv
import json
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
import yaml
from pycocotools import mask as mask_tools
from pycocotools.coco import COCO

from mvitv2_mm.commands.predict import FORMATS
from mvitv2_mm.inference.writers import WRITERS, common_folder

CLASSES = ('cat', 'dog', '猫')
WIDTH, HEIGHT = 80, 60


def model(task='detection', classes=CLASSES):
    return SimpleNamespace(name='small', task=task, classes=classes)


def encode(mask):
    code = mask_tools.encode(np.asfortranarray(mask, np.uint8))
    return dict(size=code['size'], counts=code['counts'].decode())


def shapes():
    """A rectangle, a disc, two parts, and a frame around a hole."""
    masks = np.zeros((4, HEIGHT, WIDTH), np.uint8)
    masks[0, 10:30, 5:45] = 1
    cv2.circle(masks[1], (60, 30), 15, 1, -1)
    masks[2, 2:12, 2:22] = masks[2, 40:55, 60:75] = 1
    masks[3, 20:50, 20:50] = 1
    masks[3, 30:40, 30:40] = 0
    return masks


def picture(name, with_masks=True, **keys):
    objects = []
    for label, mask in zip((0, 1, 2, 0), shapes()):
        x, y, width, height = cv2.boundingRect(mask)
        one = dict(
            label=label,
            name=CLASSES[label],
            score=0.5 + label / 8,
            box=[float(x), float(y), float(x + width),
                 float(y + height)])
        objects.append({**one, 'mask': encode(mask)} if with_masks else one)
    return dict(
        input=str(name), task='detection', width=WIDTH, height=HEIGHT, objects=objects, **keys)


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of one name in two folders, and one that could not be read."""
    records = []
    for name in ('a/x.png', 'b/x.png', 'b/broken.png'):
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        records.append(picture(path))
    records[2] = dict(input=records[2]['input'], task='detection', error='cannot be read')
    records[1]['objects'] = records[1]['objects'][:1]
    return records


def write(kind, folder, records, opened=None, **options):
    root = common_folder([record['input'] for record in records])
    with WRITERS[kind](folder, opened or model(), root=root, **options) as writer:
        for record in records:
            writer.add(record)
    return writer.path


def overlap(mask, other):
    return (mask & other).sum() / (mask | other).sum()


def filled(polygon):
    return mask_tools.decode(
        mask_tools.merge(mask_tools.frPyObjects([np.ravel(polygon).tolist()], HEIGHT, WIDTH)))


def test_coco_results_have_the_exact_masks_and_numbers_of_a_file(pictures, tmp_path):
    names = ('b/x.png', 'a/x.png')
    content = dict(
        images=[
            dict(id=i + 7, file_name=n, width=WIDTH, height=HEIGHT) for i, n in enumerate(names)
        ],
        categories=[dict(id=10 * i, name=name) for i, name in enumerate(CLASSES, 1)],
        annotations=[],
        info={})
    file = tmp_path / 'instances.json'
    file.write_text(json.dumps(content))
    path = write('coco', tmp_path, pictures, annotations=str(file))
    results = COCO(str(file)).loadRes(str(path))
    assert [len(results.getAnnIds(imgIds=[i])) for i in (7, 8)] == [1, 4]
    found = results.loadAnns(results.getAnnIds(imgIds=[8]))
    assert [one['category_id'] for one in found] == [10, 20, 30, 10]
    assert [one['score'] for one in found] == [0.5, 0.625, 0.75, 0.5]
    for one, mask in zip(found, shapes()):
        assert np.array_equal(results.annToMask(one), mask)
        assert one['bbox'] == list(cv2.boundingRect(mask))
    with pytest.raises(ValueError, match='no picture whose "file_name" ends .*other.png'):
        write('coco', tmp_path / 'other', [picture('other.png')], annotations=str(file))
    assert not list((tmp_path / 'other').iterdir())


def test_coco_results_without_a_file_come_with_their_numbers(pictures, tmp_path):
    path = write('coco', tmp_path, pictures)
    table = json.loads((tmp_path / 'predictions.coco.images.json').read_text())
    assert [one['file_name'] for one in table['images']] == ['a/x.png', 'b/x.png']
    assert [one['name'] for one in table['categories']] == list(CLASSES)
    assert [one['image_id'] for one in json.loads(path.read_text())] == [1, 1, 1, 1, 2]


def test_a_coco_data_set_can_be_corrected(pictures, tmp_path):
    path = write('coco-data', tmp_path, pictures)
    data = COCO(str(path))
    assert [one['file_name'] for one in data.loadImgs([1, 2])] == ['a/x.png', 'b/x.png']
    found = data.loadAnns(data.getAnnIds(imgIds=[1]))
    assert [data.cats[one['category_id']]['name'] for one in found] == ['cat', 'dog', '猫', 'cat']
    assert [len(one['segmentation']) for one in found] == [1, 1, 2, 1]
    for one, mask in zip(found, shapes()):
        assert one['area'] == mask.sum()
        outline = data.annToMask(one)
        if one is found[3]:  # the hole is filled
            outline[30:40, 30:40] = 0
        assert overlap(outline, mask) > 0.96
    assert np.array_equal(data.annToMask(found[0]), shapes()[0])


def test_yolo_is_read_by_supervision(pictures, tmp_path):
    supervision = pytest.importorskip('supervision')
    path = write('yolo', tmp_path, pictures)
    assert yaml.safe_load((path / 'data.yaml').read_text())['names'] == dict(enumerate(CLASSES))
    sizes = []
    for folder in ('a', 'b'):
        data = supervision.DetectionDataset.from_yolo(
            str(path / 'images' / folder),
            str(path / 'labels' / folder),
            str(path / 'data.yaml'),
            force_masks=True)
        (_, _, found), = data
        sizes.append(len(found))
        assert found.class_id.tolist() == [0, 1, 2, 0][:len(found)]
        masks = found.mask
        masks[3:, 30:40, 30:40] = False  # the hole is filled
        # that reader counts the pixels on the outline as inside
        assert all(overlap(a, b) > 0.8 for a, b in zip(masks, shapes().astype(bool)))
    assert sizes == [4, 1]
    for line, mask in zip((path / 'labels/a/x.txt').read_text().splitlines(), shapes()[:3]):
        corners = np.array(line.split()[1:], float).reshape(-1, 2) * (WIDTH, HEIGHT)
        assert overlap(filled(corners), mask) > 0.96
    boxes = write('yolo', tmp_path / 'boxes', [picture(pictures[0]['input'], with_masks=False)])
    rows = np.loadtxt(boxes / 'labels' / 'x.txt')
    wanted = [0, 25 / WIDTH, 20 / HEIGHT, 40 / WIDTH, 20 / HEIGHT]
    assert np.allclose(rows[0], wanted, rtol=0, atol=1e-6)


def test_labelme(pictures, tmp_path):
    path = write('labelme', tmp_path, pictures)
    content = json.loads((path / 'a' / 'x.json').read_text())
    assert (path / 'a' / content['imagePath']).resolve() == tmp_path / 'photos' / 'a' / 'x.png'
    assert (content['imageHeight'], content['imageWidth']) == (HEIGHT, WIDTH)
    kinds = [(s['label'], s['shape_type'], s['group_id']) for s in content['shapes']]
    assert kinds == [('cat', 'polygon', None), ('dog', 'polygon', None), ('猫', 'polygon', 3),
                     ('猫', 'polygon', 3), ('cat', 'polygon', None)]
    outline = filled(content['shapes'][1]['points'])
    assert overlap(outline, shapes()[1]) > 0.96
    parts = sum(filled(shape['points']) for shape in content['shapes'][2:4])
    assert np.array_equal(parts, shapes()[2])
    boxes = write('labelme', tmp_path / 'boxes', [picture(pictures[0]['input'], with_masks=False)])
    shape = json.loads((boxes / 'x.json').read_text())['shapes'][0]
    assert (shape['shape_type'], shape['points']) == ('rectangle', [[5, 10], [45, 30]])


def test_names_never_collide(tmp_path):
    frames = [picture('clip.mp4', frame=dict(number=n, second=n / 25)) for n in (0, 12)]
    records = [picture('x.png'), picture('x.jpg'), picture('sub/x.jpg'), *frames]
    path = write('yolo', tmp_path, records)
    names = sorted(str(p.relative_to(path / 'labels')) for p in path.rglob('*.txt'))
    assert names == [
        'clip.mp4/000000.txt', 'clip.mp4/000012.txt', 'sub/x.txt', 'x.jpg.txt', 'x.txt'
    ]


def read_table(path):
    with open(path, encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


def test_csv_of_objects_and_of_classes(pictures, tmp_path):
    rows = read_table(write('csv', tmp_path, pictures[::-1]))
    assert [(row['name'], row['error']) for row in rows] == [('', 'cannot be read'), ('cat', ''),
                                                             ('cat', ''), ('dog', ''), ('猫', ''),
                                                             ('cat', '')]
    assert [float(rows[2][key]) for key in ('x1', 'y1', 'x2', 'y2', 'score')] == [5, 10, 45, 30, .5]
    records = [window('clip.mp4', 0, 0., 2., 1), dict(input='no.mp4', error='bad')]
    rows = read_table(write('csv', tmp_path / 'clips', records, model('video')))
    assert rows[0]['name_1'] == 'dog' and rows[0]['name_2'] == 'cat'
    assert (float(rows[0]['score_1']), float(rows[0]['end'])) == (0.5, 2.)
    assert rows[1] == {**dict.fromkeys(rows[0], ''), 'input': 'no.mp4', 'error': 'bad'}


def test_csv_has_columns_for_more_classes_than_the_first_record_lists(tmp_path):
    records = [window('clip.mp4', 0, 0., 2., 1), window('clip.mp4', 1, 2., 4., 1)]
    del records[0]['classes'][1:]  # below the threshold
    rows = read_table(write('csv', tmp_path, records, model('video')))
    assert [(row['name_1'], row['name_2']) for row in rows] == [('dog', ''), ('dog', 'cat')]


def window(video, index, start, end, label, score=0.5):
    scores = {label: score, (label + 2) % 3: score / 2}
    return dict(
        input=str(video),
        task='video',
        width=WIDTH,
        height=HEIGHT,
        window=dict(index=index, start=start, end=end, frames=[]),
        classes=[dict(label=k, name=CLASSES[k], score=s) for k, s in scores.items()])


def test_segments_merge_neighbours(tmp_path):
    records = [
        window('a.mp4', 0, 0., 2., 1, 0.5),
        window('a.mp4', 1, 1., 3., 1, 0.75),
        window('a.mp4', 2, 2., 4., 0),
        window('a.mp4', 3, 6., 8., 0),
        window('b.mp4', 0, 8., 9., 0),
        dict(input='b.mp4', error='cut'),
    ]
    rows = read_table(write('segments', tmp_path, records, model('video')))
    found = [(r['input'], r['name'], float(r['start']), float(r['end']), float(r['score']))
             for r in rows]
    assert found == [('a.mp4', 'dog', 0., 2.5, 0.625), ('a.mp4', 'cat', 2.5, 4., 0.5),
                     ('a.mp4', 'cat', 6., 8., 0.5), ('b.mp4', 'cat', 8., 9., 0.5)]


def test_subtitles_are_read_by_ffmpeg(tmp_path):
    records = [
        window('a/x.mp4', 0, 0., 3599.9996, 2),
        window('a/x.mp4', 1, 3599.9996, 3661.5, 0),
        window('b/x.mp4', 0, 0.25, 1., 1)
    ]
    path = write('srt', tmp_path, records, model('video'))
    with av.open(str(path / 'a' / 'x.srt')) as file:
        packets = [packet for packet in file.demux() if packet.size]
        times = [(float(p.pts * p.time_base), float(p.duration * p.time_base)) for p in packets]
        assert times == [(0, 3600), (3600, 61.5)]
        assert [bytes(packet).decode() for packet in packets] == ['猫 (0.50)', 'cat (0.50)']
    assert (path / 'b' / 'x.srt').exists()


def test_a_writer_that_is_cut_short_leaves_nothing(pictures, tmp_path):
    for kind in ('csv', 'coco', 'coco-data'):
        with pytest.raises(KeyboardInterrupt), WRITERS[kind](tmp_path / 'out', model()) as writer:
            writer.add(pictures[0])
            raise KeyboardInterrupt
    assert not list((tmp_path / 'out').iterdir())


@pytest.mark.parametrize('kind, task', [('yolo', 'image'), ('srt', 'detection')])
def test_a_format_that_cannot_hold_the_results(kind, task, tmp_path):
    with pytest.raises(ValueError, match=f'but small is one for {task}; "csv" holds all'):
        WRITERS[kind](tmp_path, model(task))


def test_classes_without_names_are_numbered(tmp_path):
    path = write('coco-data', tmp_path, [picture('x.png')], model(classes=None))
    assert [c['name'] for c in json.loads(path.read_text())['categories']] == ['0', '1', '2']


def test_the_command_offers_every_format():
    assert set(FORMATS) == set(WRITERS)
