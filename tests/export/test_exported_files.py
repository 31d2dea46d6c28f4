"""Exported files: what they hold, that they give what the model gives, and that others can use them."""
import json

import cv2
import numpy as np
import onnxruntime
import pytest
import torch

from mvitv2_mm import Inferencer
from mvitv2_mm.checkpoints.model_source import open_model, save_model
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.errors import UsageError
from mvitv2_mm.files import sha256_of

TASKS = ('image', 'detection', 'video')


def scores(record):
    found = record.get('classes') or record['objects']
    return {(one['label'], *map(round, one.get('box', ()))): one['score'] for one in found}


@pytest.mark.parametrize('task', TASKS)
def test_predict_gives_the_same_records(quick, exported, task):
    model = quick(task)
    options = dict(device='cpu', top_k=10, batch_size=2)
    files = model.files[:3]
    wanted = Inferencer(model.folder, **options, score_thr=0.)(files)
    found = Inferencer(str(exported(task)), **options, score_thr=0.)(files)
    for a, b in zip(found, wanted, strict=True):
        assert a.keys() == b.keys() and scores(b)
        assert scores(a) == pytest.approx(scores(b), abs=1e-5)
        for key in ('input', 'model', 'task', 'width', 'height', 'window'):
            assert a.get(key) == b.get(key)


@pytest.mark.parametrize('task', TASKS)
def test_the_command_test_gives_the_same_metrics(quick, exported, task, tmp_path):
    model, found = quick(task), []
    options = ['test_dataloader.batch_size=1'] * (task == 'detection')
    for number, name in enumerate((model.folder, str(exported(task)))):
        out = tmp_path / f'{number}.json'
        root = [f'--cfg-options', *options, 'work_dir=x'] if options else []
        assert run_command(
            'test',
            [name, '--out-metrics',
             str(out), '--work-dir',
             str(tmp_path / 'work'), *root]) == 0
        found.append(json.loads(out.read_text()))
    assert found[0].keys() == found[1].keys() and found[0]
    assert found[1] == pytest.approx(found[0], abs=1e-6)


def test_what_a_file_says_about_itself(quick, exported):
    path = exported('image')
    beside = json.loads(path.with_name(path.name + '.json').read_text())
    assert beside['sha256'] == sha256_of(path)
    assert beside['input'] == dict(
        name='pixels', type='uint8', colours='RGB', shape=['batch', 'height', 'width', 3])
    rows = beside['parity']
    assert {row['inputs'][0] for row in rows} == {1, 3}
    assert {row['kind'] for row in rows} == {'random', 'real'}
    assert max(row['difference'] for row in rows) <= 1e-4
    assert any(row['inputs'][2] % 2 for row in rows)
    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    assert json.loads(metadata['classes']) == list('0123456789')
    assert json.loads(metadata['preprocessing']) == beside['preprocessing']


def test_another_program_can_use_a_file(quick, exported):
    """With nothing but onnxruntime, OpenCV and the words beside the file."""
    model = quick('image')
    picture = cv2.cvtColor(cv2.imread(model.files[0]), cv2.COLOR_BGR2RGB)
    assert picture.shape == (64, 64, 3)  # as large as it should be
    session = onnxruntime.InferenceSession(str(exported('image')))
    logits, = session.run(['logits'], {'pixels': picture[None]})
    powers = np.exp(logits[0] - logits.max())
    record = Inferencer(model.folder, device='cpu', top_k=10)(model.files[0])
    found = {one['label']: one['score'] for one in record['classes']}
    assert found == pytest.approx(dict(enumerate(powers / powers.sum())), abs=1e-5)


def test_a_picture_without_objects(quick, tmp_path, capfd):
    model, out = quick('detection'), tmp_path / 'sure.onnx'
    arguments = [model.folder, '--out', str(out), '--cfg-options']
    assert run_command('export', [*arguments, 'model.test_cfg.rcnn.score_thr=1.']) == 0
    assert Inferencer(str(out), device='cpu', score_thr=0.)(model.files[0])['objects'] == []


def test_maps_of_a_backbone(quick, tmp_path):
    model, out = quick('detection'), tmp_path / 'maps.onnx'
    assert run_command('export', [model.folder, '--maps', '--out', str(out)]) == 0
    network = open_model(model.folder).build()
    picture = torch.randint(256, (1, 3, 100, 141), dtype=torch.uint8)
    data = network.data_preprocessor(dict(inputs=[picture[0]], data_samples=None))
    with torch.no_grad():
        wanted = network.backbone(data['inputs'])
    session = onnxruntime.InferenceSession(str(out))
    assert [one.name for one in session.get_outputs()] == ['map0', 'map1', 'map2', 'map3']
    pixels = picture.flip(1).permute(0, 2, 3, 1).numpy()
    for a, b in zip(session.run(None, {'pixels': pixels}), wanted, strict=True):
        torch.testing.assert_close(torch.from_numpy(a), b, rtol=1e-4, atol=1e-4)
    with pytest.raises(UsageError, match='backbone of model alone, which predicts nothing'):
        open_model(str(out))


def test_a_file_that_differs_is_not_kept(quick, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.export.graphs.Pixels.forward',
                        lambda self, x: x.float().permute(0, 3, 1, 2) / 60)
    assert run_command('export', [quick('image').folder, '--out', str(tmp_path / 'a.onnx')]) == 1
    assert list(tmp_path.iterdir()) == []
    assert 'the file is not kept: for random inputs of 1 x 3 x 64 x 64' in capfd.readouterr().err


def test_other_sizes_are_refused_where_positions_fit_one(exported):
    network = open_model(str(exported('video'))).build()
    with pytest.raises(ValueError, match='takes inputs of any x 8 x 64 x 64 x 3, but got 1 x 8 x'):
        network.run(torch.zeros(1, 8, 96, 64, 3, dtype=torch.uint8))


def test_what_needs_the_model_itself_says_so(quick, exported, tmp_path, capfd):
    path, picture = str(exported('image')), quick('image').files[0]
    for command in ('explain', 'features'):
        out = tmp_path / ('why' if command == 'explain' else 'a.npy')
        assert run_command(command, [path, picture, '--out', str(out)])
        assert 'gives predictions alone; give the model that' in capfd.readouterr().err
    with pytest.raises(UsageError, match='is an exported network'):
        save_model(open_model(path), tmp_path / 'folder')


@pytest.mark.parametrize('content, message', [
    (b'no file', 'is damaged or no ONNX file'),
    (None, 'does not exist; write it with'),
])
def test_files_that_cannot_be_used(tmp_path, content, message, capfd):
    path = tmp_path / 'a.onnx'
    if content is not None:
        path.write_bytes(content)
    assert run_command('predict', [str(path), 'x.jpg']) == 1
    assert message in capfd.readouterr().err
