"""Predictions equal those that the command ``test`` saves, and do not depend on how inputs come."""
import pickle

import cv2
import in_process
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from mvitv2_mm import Inferencer
from mvitv2_mm.datasets import LoadImage, VideoFile
from mvitv2_mm.inference.sources import ArrayClip

TASKS = ('image', 'detection', 'video')


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope='module', params=TASKS)
def tested(request, quick, tmp_path_factory):
    """A model and what ``test --dump`` says of its files, by the name of the file."""
    model, folder = quick(request.param), tmp_path_factory.mktemp('tested')
    dump = folder / 'predictions.pkl'
    options = [f'{key}={value}' for key, value in model.options.items()]
    args = [model.config, model.checkpoint, '--dump', dump, '--work-dir', folder]
    in_process.run('test', [*args, '--cfg-options', *options])
    samples = pickle.loads(dump.read_bytes())
    return model, {sample.get('img_path') or sample['filename']: sample for sample in samples}


def numbers(record):
    """All numbers that a record and a sample of the command ``test`` should share, as arrays."""
    if 'classes' in record:
        ranked = sorted(record['classes'], key=lambda found: found['label'])
        return dict(scores=[found['score'] for found in ranked])
    objects = record['objects']
    return dict(
        scores=[found['score'] for found in objects],
        labels=[found['label'] for found in objects],
        boxes=[found['box'] for found in objects],
        masks=[coco_mask.decode(found['mask']) for found in objects])


def expected(sample):
    if 'pred_instances' not in sample:
        return dict(scores=sample['pred_score'])
    found = sample['pred_instances']
    return dict(
        scores=found['scores'],
        labels=found['labels'],
        boxes=found['bboxes'],
        masks=[coco_mask.decode(mask) for mask in found['masks']])


def distance(records, samples):
    """Largest difference of a number between records and samples; a share where it is large."""
    largest = 0.
    for record in records:
        ours, theirs = numbers(record), expected(samples[record['input']])
        for key, values in ours.items():
            values, wanted = np.asarray(values, np.float32), np.asarray(theirs[key], np.float32)
            assert values.shape == wanted.shape and values.size, key
            scale = max(1., float(np.abs(wanted).max()))  # of corners, in pixels
            largest = max(largest, float(np.abs(values - wanted).max()) / scale)
    return largest


def test_same_numbers_as_the_test_command(tested):
    model, samples = tested
    infer = Inferencer(
        model.config,
        model.checkpoint,
        top_k=10,
        score_thr=0.,
        device='cpu',
        cfg_options=model.options)
    records = infer(model.files)
    assert [record['input'] for record in records] == model.files and len(samples) == len(records)
    assert distance(records, samples) == 0


def test_same_numbers_in_other_batches(tested):
    model, samples = tested
    infer = Inferencer(model.folder, top_k=10, score_thr=0., device='cpu', batch_size=1)
    records = [infer(file) for file in model.files]
    assert 0 <= distance(records, samples) <= 1e-5


def test_arrays_give_what_their_files_give(quick):
    for task in ('image', 'detection'):
        model = quick(task)
        infer = Inferencer(model.folder, device='cpu', score_thr=0.)
        picture = cv2.imread(model.files[0])[..., ::-1]
        assert results(infer(picture)) == results(infer(model.files[0]))
    model = quick('video')
    infer = Inferencer(model.folder, device='cpu')
    record, frames = infer(model.files[0]), VideoFile(model.files[0])
    clip = np.stack(frames.read(range(frames.num_frames)))
    assert results(infer(clip)) == results(record)
    window = record['window']
    assert window['frames'] == list(range(5, 34, 4))  # the centre of 40 frames
    assert window['start'] == pytest.approx(5 / 30, abs=1e-3)
    assert window['end'] == pytest.approx(34 / 30, abs=1e-3)


def results(record):
    return record.get('classes') or record['objects']


def test_boxes_are_pixels_of_the_upright_picture(quick, photo):
    infer = Inferencer(quick('detection').folder, device='cpu', score_thr=0.)
    record = infer(photo)
    assert (record['width'], record['height']) == (40, 60)
    boxes = np.array([found['box'] for found in record['objects']])
    assert boxes[:, 3].max() > 45 and boxes[:, 2].max() <= 40
    assert record['objects'][0]['mask']['size'] == [60, 40]


def test_thresholds_names_and_the_number_of_classes(quick):
    model = quick('image')
    names = [f'name {i}' for i in range(10)]
    record, = Inferencer(model.folder, device='cpu', top_k=3, classes=names)([model.files[0]])
    scores = [found['score'] for found in record['classes']]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)
    for found in record['classes']:
        assert found['name'] == f'name {found["label"]}'
        assert np.float32(found['score']) == np.float32(repr(found['score']))
    assert len(repr(scores[0])) <= 12  # the digits of a float32, not of a float64
    least = scores[1]
    fewer = Inferencer(model.folder, device='cpu', score_thr=least)(model.files[0])
    assert [found['score'] for found in fewer['classes']] == scores[:2]
    with pytest.raises(ValueError, match='9 names of classes are given, .* has 10 classes'):
        Inferencer(model.folder, device='cpu', classes=names[1:])


FAST = [
    dict(type='mvitv2_mm.OpenClip'),
    dict(type='mvitv2_mm.SampleClips', clip_len=8, frame_interval=1, num_clips=5, test_mode=True),
    dict(type='mvitv2_mm.ReadFrames'),
    dict(type='Resize', scale=(-1, 64)),
    dict(type='ThreeCrop', crop_size=64),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]


def test_fast_takes_one_view(quick):
    clip = noise(40, 64, 96, 3)
    options = {'test_dataloader.dataset.pipeline': FAST}
    views = {}
    for fast in (False, True):
        infer = Inferencer(quick('video').folder, device='cpu', fast=fast, cfg_options=options)
        prepared = infer.predictor.prepare(ArrayClip(clip))
        views[fast] = prepared.packed['inputs']
        record = infer(clip)
        assert len(record['classes']) == 5
    assert len(views[False]) == 15 and len(views[True]) == 1
    # of the crops, left and right and centre, the last; of its five clips the third
    centre = views[False][12]
    assert (views[True][0] == centre).all()
    assert record['window']['frames'] == list(range(16, 24))


def test_readers_of_mmaction2_sample_the_same_frames(quick):
    """Configs of the older kind, whose steps open and decode files by themselves."""
    model = quick('video')
    pipeline = [
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=8, frame_interval=4, test_mode=True),
        dict(type='DecordDecode'),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]
    options = {'test_dataloader.dataset.pipeline': pipeline}
    infer = Inferencer(model.folder, device='cpu', cfg_options=options)
    old = infer.predictor.prepare(VideoFile(model.files[0])).packed['inputs']
    new = Inferencer(model.folder, device='cpu').predictor.prepare(VideoFile(model.files[0]))
    assert (old == new.packed['inputs']).all()


def test_pictures_of_all_kinds_are_read_as_in_training(quick, tmp_path):
    """Shades and modes as :class:`LoadImage` has them, where the config reads with it."""
    tones = noise(64, 64)
    pictures = {
        'grey.png': Image.fromarray(tones),
        'deep.png': Image.fromarray(tones.astype(np.uint16) * 257),
        'palette.png': Image.fromarray(np.stack([tones] * 3, -1)).quantize(16),
        'inks.jpg': Image.fromarray(noise(64, 64, 4), 'CMYK'),
        'clear.png': Image.fromarray(noise(64, 64, 4), 'RGBA'),
    }
    steps = [dict(type='mvitv2_mm.LoadImage'), dict(type='PackInputs')]
    options = {'test_dataloader.dataset.pipeline': steps}
    infer = Inferencer(quick('image').folder, device='cpu', cfg_options=options)
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        inputs = infer.predictor.prepare(str(tmp_path / name)).packed['inputs']
        wanted = LoadImage().transform(dict(img_path=str(tmp_path / name)))['img']
        assert (inputs.numpy() == wanted.transpose(2, 0, 1)).all(), name
    deep = infer.predictor.prepare(str(tmp_path / 'deep.png')).packed['inputs']
    assert (deep.numpy() == tones).all()


def test_what_opencv_cannot_read_is_read_nevertheless(quick, tmp_path):
    picture = Image.fromarray(noise(64, 64, 3))
    for name in ('a.pcx', 'a.png'):
        picture.save(tmp_path / name)
    assert cv2.imread(str(tmp_path / 'a.pcx')) is None
    for task in ('image', 'detection'):  # both read with OpenCV
        infer = Inferencer(quick(task).folder, device='cpu', score_thr=0.)
        pcx, png = infer([tmp_path / 'a.pcx', tmp_path / 'a.png'])
        assert results(pcx) == results(png)


def test_a_video_that_was_cut_off_is_used_with_a_note(quick, tmp_path):
    path = tmp_path / 'cut.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 30, (64, 64))
    for _ in range(60):
        writer.write(noise(64, 64, 3))
    writer.release()
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    record = Inferencer(quick('video').folder, device='cpu')(path)
    assert len(record['classes']) == 5 and max(record['window']['frames']) < 32
    assert record['note'].startswith('only ') and 'of 60 frames' in record['note']
