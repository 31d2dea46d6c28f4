"""Exported files: what they hold, and that they give what the model gives, here and elsewhere."""
import json
import os
import re
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from hearing import hear_all

from mvitv2_mm import Inferencer
from mvitv2_mm.checkpoints.model_source import open_model, save_model
from mvitv2_mm.commands.frame import run_command
from mvitv2_mm.compat.versions import Window
from mvitv2_mm.errors import UsageError
from mvitv2_mm.export import int8
from mvitv2_mm.export.int8 import write_int8
from mvitv2_mm.files import sha256_of

onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')
# a signal comes where PyTorch, while it traces, takes what is raised for nothing
STOPPED = '''
import os, sys
from contextlib import suppress
from mvitv2_mm.backbones import MViTv2
from mvitv2_mm.commands.frame import run_command

def forward(self, pixels, forward=MViTv2.forward):
    with suppress(BaseException):
        os.kill(os.getpid(), int(sys.argv[1]))
    return forward(self, pixels)

MViTv2.forward = forward
sys.exit(run_command('export', sys.argv[2:]))
'''
BLOCKS = {'backbone.blocks.0', 'backbone.blocks.1'}
KINDS = ('image', 'detection', 'cascade', 'video')


def scores(record):
    found = record['classes'] if 'classes' in record else record['objects']
    return {(one['label'], *map(round, one.get('box', ()))): one['score'] for one in found}


@pytest.mark.parametrize('kind', KINDS)
def test_predict_gives_the_same_records(small, kind):
    model, options = small(kind), dict(device='cpu', top_k=10, batch_size=2, score_thr=0.)
    wanted = Inferencer(model.folder, **options)(model.files[:3])
    found = Inferencer(str(model.exported), **options)(model.files[:3])
    for a, b in zip(found, wanted, strict=True):
        assert a.keys() == b.keys() and len(scores(b)) > 3
        assert scores(a) == pytest.approx(scores(b), abs=1e-4)
        for key in ('input', 'model', 'task', 'width', 'height', 'window'):
            assert a.get(key) == b.get(key)


@pytest.mark.parametrize('kind', ['image', 'detection', 'video'])
def test_the_command_test_gives_the_same_metrics(small, kind, tmp_path):
    model, found = small(kind), []
    for name in (model.folder, str(model.exported)):
        out = tmp_path / 'metrics.json'
        arguments = [name, '--out-metrics', str(out), '--work-dir', str(tmp_path / 'work')]
        assert run_command('test', arguments) == 0
        found.append(json.loads(out.read_text()))
    assert found[0].keys() == found[1].keys() and found[0]
    assert found[1] == pytest.approx(found[0], abs=1e-6)


def test_what_a_file_says_about_itself(small):
    path = small('image').exported
    beside = json.loads(path.with_name(path.name + '.json').read_text())
    assert beside['sha256'] == {
        path.name: sha256_of(path)
    } and beside['bytes'] == path.stat().st_size
    assert beside['input']['shape'] == ['batch', 'height', 'width', 3]
    rows = beside['parity']
    assert {row['inputs'][0] for row in rows} == {1, 3}
    assert {row['kind'] for row in rows} == {'random', 'real'}
    assert 0 < max(row['difference'] for row in rows) <= 1e-4
    assert any(row['inputs'][2] % 2 and row['inputs'][3] % 2 for row in rows)
    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    assert json.loads(metadata['classes']) == beside['classes'] == [f'class{i}' for i in range(10)]
    assert json.loads(metadata['preprocessing']) == beside['preprocessing']
    assert b'/site-packages/' not in path.read_bytes()  # no folders of who exported it


def test_another_program_can_use_a_file(small):
    """With nothing but onnxruntime, OpenCV and the words beside the file."""
    model = small('image')
    picture = cv2.cvtColor(cv2.imread(model.files[0]), cv2.COLOR_BGR2RGB)
    assert picture.shape == (64, 64, 3)  # as large as it should be
    session = onnxruntime.InferenceSession(str(model.exported))
    logits, = session.run(['logits'], {'pixels': picture[None]})
    powers = np.exp(logits[0] - logits.max())
    record = Inferencer(model.folder, device='cpu', top_k=10)(model.files[0])
    found = {one['label']: one['score'] for one in record['classes']}
    assert found == pytest.approx(dict(enumerate(powers / powers.sum())), abs=1e-5)


def test_a_picture_without_objects(small, tmp_path):
    """The file itself is changed so that the box head is sure of the background."""
    model, path = small('detection'), tmp_path / 'sure.onnx'
    network = onnx.load(model.exported)
    bias, = (one for one in network.graph.initializer if one.name.endswith('fc_cls.bias'))
    values = onnx.numpy_helper.to_array(bias).copy()
    values[-1] = 100
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(network, path)
    infer = Inferencer(str(path), device='cpu', score_thr=0.)
    assert [record['objects'] for record in infer(model.files[:2])] == [[], []]


def test_maps_of_a_backbone(small, tmp_path):
    model, out = small('image'), tmp_path / 'maps.onnx'
    arguments = [model.folder, '--maps', '--fixed-size', '--out', str(out), '--cfg-options']
    assert run_command('export', [*arguments, 'model.data_preprocessor.to_rgb=False']) == 0
    network = open_model(model.folder).build()
    picture = torch.randint(256, (3, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        wanted, = network.backbone((picture - 127.5) / 60)
    session = onnxruntime.InferenceSession(str(out))
    assert [one.name for one in session.get_outputs()] == ['map1']
    found, = session.run(None, {'pixels': picture.flip(1).permute(0, 2, 3, 1).numpy()})
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(UsageError, match='the backbone of model alone, which predicts nothing'):
        open_model(str(out))


def test_a_file_that_differs_is_not_kept(small, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr('mvitv2_mm.export.graphs.Pixels.forward',
                        lambda self, x: x.float().permute(0, 3, 1, 2) / 60)
    arguments = [small('image').folder, '--fixed-size', '--out', str(tmp_path / 'a.onnx')]
    assert run_command('export', arguments) == 1
    assert list(tmp_path.iterdir()) == []
    assert 'the file is not kept: for random inputs of 1 x 3 x 64 x 64' in capfd.readouterr().err


def test_other_sizes_are_refused_where_positions_fit_one(small):
    network = open_model(str(small('video').exported)).build()
    with pytest.raises(ValueError, match='takes inputs of any x 8 x 64 x 64 x 3, but got 1 x 8 x'):
        network.run(torch.zeros(1, 8, 96, 64, 3, dtype=torch.uint8))


def test_what_needs_the_model_itself_says_so(small, tmp_path, capfd):
    path, picture = str(small('image').exported), small('image').files[0]
    assert run_command('features', [path, picture, '--out', str(tmp_path / 'a.npy')])
    assert 'gives predictions alone; give the model that' in capfd.readouterr().err
    assert run_command('explain', [path, picture, '--out', str(tmp_path / 'why')]) == 1
    assert 'ExportedModel has no MViTv2' in capfd.readouterr().err
    with pytest.raises(UsageError, match='is an exported network'):
        save_model(open_model(path), tmp_path / 'folder')


def small_file(opset=20, ir_version=10):
    sizes = [onnx.helper.make_tensor_value_info(name, 1, [1]) for name in ('pixels', 'logits')]
    node = onnx.helper.make_node('Identity', ['pixels'], ['logits'])
    graph = onnx.helper.make_graph([node], 'other', sizes[:1], sizes[1:])
    opsets = [onnx.helper.make_opsetid('', opset)]
    network = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    return network.SerializeToString()


@pytest.mark.parametrize('content, message', [
    (b'no file', 'is damaged or no file of ONNX'),
    (small_file()[:-20], 'is damaged or no file of ONNX'),
    (small_file(opset=99), 'reads (ONNX Runtime only *guarantees* support for'),
    (small_file(ir_version=99), 'reads (Unsupported model IR version: 99, max'),
    (small_file(), 'this package has not written it'),
    (None, 'does not exist; write it with'),
])
def test_files_that_cannot_be_used(tmp_path, content, message, capfd):
    path = tmp_path / 'a.onnx'
    if content is not None:
        path.write_bytes(content)
    assert run_command('predict', [str(path), 'x.jpg']) == 1
    error = capfd.readouterr().err
    assert message in error and error.count('\n') == 1


def test_8_bits_need_a_recent_library(tmp_path, monkeypatch):
    monkeypatch.setattr(int8, 'QUANTIZER', Window('onnxruntime', '1000', '1001', tested=''))
    with pytest.raises(ImportError, match='--int8: onnxruntime .* is not in'):
        int8.quantize(tmp_path / 'a.onnx', tmp_path / 'b.onnx')


def test_8_bits_are_kept_if_the_metric_stays(small, tmp_path):
    model, path = small('image'), tmp_path / 'int8.onnx'
    pixels = torch.randint(256, (2, 64, 64, 3), dtype=torch.uint8)
    metrics = write_int8(model.exported, path, 0.5, pixels)
    assert metrics.keys() == {'metric', 'float32', 'int8'} and metrics['metric'] == 'accuracy/top1'
    kinds = {node.op_type for node in onnx.load(path).graph.node}
    assert 'MatMulInteger' in kinds and path.stat().st_size < model.exported.stat().st_size
    found, wanted = (
        scores(Inferencer(str(file), device='cpu', top_k=10)(model.files[0]))
        for file in (path, model.exported))
    assert found == pytest.approx(wanted, abs=0.1) and found != wanted


def test_8_bits_that_cost_too_much_are_refused_with_the_worst_blocks(small, tmp_path, monkeypatch):
    values = iter((80., 79.))
    monkeypatch.setattr('mvitv2_mm.export.int8._first_metric', lambda file: ('top1', next(values)))
    pixels = torch.randint(256, (2, 64, 64, 3), dtype=torch.uint8)
    with pytest.raises(ValueError) as info:
        write_int8(small('image').exported, tmp_path / 'a.onnx', 0.01, pixels)
    assert 'top1 falls from 80 to 79, by more than 1.0%' in str(info.value)
    assert set(re.findall(r'(\S+) \(\d', str(info.value))) == BLOCKS


def test_8_bits_of_a_detector_are_those_of_its_backbone(small, tmp_path):
    model, path = small('detection'), tmp_path / 'int8.onnx'
    pixels = torch.randint(256, (1, 128, 128, 3), dtype=torch.uint8)
    found = dict(int8.worst_blocks(model.exported, pixels))
    assert found.keys() == BLOCKS and 0 < min(found.values()) < max(found.values()) < 0.5
    metrics = write_int8(model.exported, path, 0.5, pixels)
    assert metrics['metric'] == 'coco/bbox_mAP'
    best, wanted = (
        Inferencer(str(file), device='cpu', score_thr=0.)(model.files[0])['objects'][0]['score']
        for file in (path, model.exported))
    assert best == pytest.approx(wanted, abs=0.1) and best != wanted


def test_openvino(small, tmp_path):
    pytest.importorskip('openvino')
    model, path = small('video'), tmp_path / 'small.xml'
    assert run_command('export', [model.folder, '--to', 'openvino', '--out', str(path)]) == 0
    assert {file.name
            for file in tmp_path.iterdir()} == {'small.xml', 'small.bin', 'small.xml.json'}
    wanted = Inferencer(model.folder, device='cpu', top_k=8)(model.files[0])
    found = Inferencer(str(path), device='cpu', top_k=8)(model.files[0])
    assert scores(found) == pytest.approx(scores(wanted), abs=1e-5)
    (tmp_path / 'bare.xml').write_bytes(path.read_bytes())  # without its .bin
    (tmp_path / 'page.xml').write_text('<html>')
    for name, reason in (('bare.xml', 'weights'), ('page.xml', 'it describes no network')):
        with pytest.raises(ValueError, match=rf'{name} is damaged or no file of .* \(.*{reason}'):
            open_model(str(tmp_path / name))
    half = Inferencer(str(path), amp=True, top_k=8)(model.files[0])
    assert 1e-5 < max(abs(scores(half)[key] - scores(wanted)[key]) for key in scores(wanted)) < 0.1


def test_what_a_file_does_not_take(small):
    path = str(small('image').exported)
    with pytest.raises(UsageError, match='in the precision that it is written in; leave out --amp'):
        Inferencer(path, amp=True)
    with pytest.raises(UsageError, match='computes on a CPU; leave out --device'):
        Inferencer(path, device='meta')


def test_a_program_of_pytorch(small, tmp_path, capfd, monkeypatch):
    model, path = small('detection'), tmp_path / 'small.pt2'
    assert run_command('export', [model.folder, '--to', 'torch', '--out', str(path)]) == 0
    assert b'/site-packages/' not in path.read_bytes()
    assert run_command('predict', [str(path), model.files[0]]) == 2  # it could hold any code
    assert 'set MVITV2_MM_TRUST_PT2=1' in capfd.readouterr().err
    monkeypatch.setenv('MVITV2_MM_TRUST_PT2', '1')
    (tmp_path / 'bad.pt2').write_bytes(path.read_bytes()[:-99])
    assert run_command('predict', [str(tmp_path / 'bad.pt2'), model.files[0]]) == 1
    assert re.fullmatch('.*bad.pt2 is damaged or no file of PyTorch.*\n', capfd.readouterr().err)
    wanted, found = (
        Inferencer(str(name), device='cpu', score_thr=0.)(model.files[0])
        for name in (model.folder, path))
    assert scores(found) == pytest.approx(scores(wanted), abs=1e-4) and len(scores(wanted)) > 3
    assert found['model'] == wanted['model']


def test_what_is_not_exported(small, tmp_path, capfd):
    arguments = [str(small('image').exported), '--out', str(tmp_path / 'a.onnx')]
    assert run_command('export', arguments) == 2
    assert 'is exported already' in capfd.readouterr().err
    for wrong in (['--out', str(tmp_path / 'a.pb')], ['--int8', '2'], ['--int8', '--maps']):
        assert run_command('export', [small('image').folder, *wrong]) == 2


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_export_at_once(small, kind, tmp_path):
    command = [sys.executable, '-c', STOPPED, int(kind), small('image').folder]
    result = subprocess.run([*map(str, command), '--out', tmp_path / 'small.onnx'],
                            preexec_fn=hear_all,
                            stderr=subprocess.PIPE,
                            text=True,
                            env=dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, sys.path))))
    assert result.returncode == 128 + kind, result.stderr
    assert result.stderr.endswith(f'ended by {kind.name}\n') and not os.listdir(tmp_path)
