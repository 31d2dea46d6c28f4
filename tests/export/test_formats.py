"""The comparison of formats measures what it says, and says how far they are from the model."""
import json

import in_process
import pytest

from mvitv2_mm.errors import UsageError
from mvitv2_mm.export.formats import measure_formats, random_models

pytest.importorskip('onnxruntime')


def test_formats_of_a_model_on_its_own_files(small, capfd):
    model = small('image')
    in_process.run('benchmark', [
        '--task', 'export', '--model', model.folder, '--data', *model.files[:3], '--peers', 'ONNX',
        'ONNX, 8 bits', '--threads', 1, '--repeats', 1, '--json'
    ])
    rows = list(map(json.loads, capfd.readouterr().out.splitlines()))
    assert [row['name'] for row in rows] == ['PyTorch', 'ONNX', 'ONNX, 8 bits']
    ours, onnx, int8 = rows
    assert ours['difference'] == 0 and ours['megabytes'] is None
    assert 0 < onnx['difference'] < 1e-4 < int8['difference']
    assert onnx['equal'] == onnx['inputs'] == 3
    assert 0 < int8['megabytes'] < onnx['megabytes'] and min(row['cpu'] for row in rows) > 0


def test_the_network_of_the_host_library_is_the_same():
    (opened, case), = random_models('tiny')
    ours, theirs = measure_formats(opened, case, peers=['mmpretrain, PyTorch'], repeats=1)
    assert (ours.name, theirs.name) == ('PyTorch', 'mmpretrain, PyTorch')
    assert 0 < theirs.difference < 1e-5 and theirs.equal == theirs.inputs == 8


def test_what_cannot_be_compared(small):
    opened, case = next(random_models('tiny'))
    with pytest.raises(UsageError, match='there is no "OMNX"; did you mean ONNX'):
        measure_formats(opened, case, peers=['OMNX'])
    with pytest.raises(UsageError, match='there are tiny, small'):
        next(random_models('huge'))
    with pytest.raises(SystemExit, match='name it with --model'):
        in_process.run('benchmark', ['--task', 'export', '--data', 'a.jpg'])
