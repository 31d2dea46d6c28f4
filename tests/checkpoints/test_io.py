"""Containers: what is read, what is refused and that nothing runs, and how files are written."""
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from op_records import OpRecorder
from safetensors.torch import save_file

from mvitv2_mm.checkpoints.io import CheckpointError, check_finite, read_file, unwrap, write_file

WEIGHTS = {'a.weight': torch.arange(6.).view(2, 3), 'a.bias': torch.tensor([1., 2.])}
ARRAYS = {key: value.numpy() for key, value in WEIGHTS.items()}


class Payload:
    """Creates a file when unpickled by a careless reader."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path), )


def dump(content, path, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol))
    return path


def assert_weights(found):
    assert found.keys() == WEIGHTS.keys()
    for key, value in WEIGHTS.items():
        assert torch.equal(found[key], value)


@pytest.mark.parametrize('name', ['any.pyth', 'no_suffix', 'wrong.safetensors'])
@pytest.mark.parametrize(
    'save', [
        lambda path: torch.save(WEIGHTS, path),
        lambda path: torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False),
        lambda path: save_file(WEIGHTS, path),
        lambda path: dump(ARRAYS, path),
    ],
    ids=['zip', 'legacy', 'safetensors', 'pickle'])
def test_container_is_told_by_content(tmp_path, save, name):
    save(tmp_path / name)
    assert_weights(unwrap(read_file(tmp_path / name), 'f'))


@pytest.mark.parametrize('packing', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_tensors_that_are_the_bytes_of_the_file(tmp_path, packing):
    """Where the file is packed they cannot be."""
    weights = {**WEIGHTS, 'large': torch.rand(100, 1000)}
    torch.save(weights, tmp_path / 'plain.pth')
    path = tmp_path / 'f.pth'
    with zipfile.ZipFile(tmp_path / 'plain.pth') as plain, zipfile.ZipFile(path, 'w') as packed:
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part), packing)
    before = path.read_bytes()
    found = read_file(path, mapped=True)
    assert all(torch.equal(found[key], value) for key, value in weights.items())
    is_mapped = any(line.endswith(str(path)) for line in open('/proc/self/maps').read().split('\n'))
    assert is_mapped == (packing == zipfile.ZIP_STORED)
    found['large'].zero_()
    assert path.read_bytes() == before


@pytest.mark.parametrize('mapped', [False, True])
def test_a_bit_that_flipped(tmp_path, mapped):
    path = tmp_path / 'f.pth'
    torch.save(WEIGHTS, path)
    data = bytearray(path.read_bytes())
    data[data.index(WEIGHTS['a.weight'].numpy().tobytes()) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r'its part .*/data/0 does not have the checksum'):
        read_file(path, mapped=mapped)


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_arrays_of_every_kind_and_numpy(tmp_path, protocol, core):
    arrays = dict(
        fortran=np.asfortranarray(np.arange(12, dtype='f4').reshape(3, 4)),
        swapped=np.arange(3, dtype='>f8'),
        half=np.ones(2, 'f2'),
        flags=np.array([True, False]),
        scalar=np.float32(2.5),
        number=np.array(3),
        empty=np.zeros((0, 4)))
    data = pickle.dumps({'model': OrderedDict(arrays), '__author__': 'x'}, protocol)
    home = np.array(0).__reduce__()[0].__module__.rpartition('.')[0]
    old, new = (f'{name}.'.encode() for name in (home, core))
    if protocol < 4:  # names are not length-prefixed, so the other numpy's can be put in
        data = data.replace(old, new)
    path = tmp_path / 'f.pkl'
    path.write_bytes(data)
    found = read_file(path)['model']
    for key, value in arrays.items():
        np.testing.assert_array_equal(found[key], value)
        assert np.asarray(found[key]).dtype == value.dtype


@pytest.mark.parametrize('wrap', [
    lambda w: {
        'model_state': w,
        'epoch': 3,
        'optimizer_state': {},
        'cfg': 'TRAIN: ...'
    },
    lambda w: {
        'model': w,
        '__author__': 'x',
        'matching_heuristics': True
    },
    lambda w: {
        'state_dict': w,
        'meta': {
            'epoch': 1
        }
    },
    lambda w: {
        'state_dict_ema': w,
        'epoch': 1
    },
    lambda w: {
        'state_dict': {
            f'module.{k}': v
            for k, v in w.items()
        }
    },
    lambda w: {
        'model': {
            'state_dict': {
                f'_orig_mod.module.{k}': v
                for k, v in w.items()
            }
        }
    },
])
def test_weights_are_found_inside(wrap):
    assert_weights(unwrap(wrap(WEIGHTS), 'f'))
    assert_weights(unwrap(wrap(ARRAYS), 'f'))


@pytest.mark.parametrize('averaged', ['state_dict_ema', 'model_ema', 'ema_state_dict'])
@pytest.mark.parametrize('plain', ['state_dict', 'model_state', 'model', 'model_state_dict'])
def test_plain_weights_before_averaged_ones(plain, averaged):
    zeros = {key: torch.zeros_like(value) for key, value in WEIGHTS.items()}
    assert_weights(unwrap({averaged: zeros, plain: WEIGHTS}, 'f'))


@pytest.mark.parametrize('content', [{}, {'model': {}}, {'epoch': 3}, 4, [WEIGHTS], 'text'])
def test_no_weights(content):
    with pytest.raises(
            CheckpointError, match='^f holds no weights .*Give a file with a state dict'):
        unwrap(content, 'f')


def payload_files(payload, path):
    """One crafted file per container that can hold code."""
    yield dump({'model': {'w': payload}}, path)
    yield dump(payload, path, protocol=5)
    yield dump({'model': np.array([payload], dtype=object)}, path)
    yield dump({'__author__': 'x', 'model': {'w': np.float64(1)}, 'extra': [payload]}, path, 4)
    for zipped in (True, False):
        torch.save({
            'model_state': WEIGHTS,
            'x': payload
        },
                   path,
                   _use_new_zipfile_serialization=zipped)
        yield path
    header = pickle.dumps(payload)
    path.write_bytes(struct.pack('<Q', len(header) + 1) + b'{' + header)
    yield path


def test_crafted_files_are_refused_and_nothing_runs(tmp_path):
    proof = tmp_path / 'proof'
    for path in payload_files(Payload(proof), tmp_path / 'f.pth'):
        with pytest.raises(CheckpointError, match=r'f\.pth (is refused: it asks for|is damaged)'):
            read_file(path)
        assert not proof.exists()
    pickle.loads(pickle.dumps(Payload(proof)))
    assert proof.exists()  # the payload does work


@pytest.mark.parametrize('name', [
    'builtins.eval', 'builtins.getattr', 'os.system', 'numpy.load',
    'torch.storage._load_from_bytes', 'numpy.core.multiarray._reconstruct2',
    'collections.OrderedDict.fromkeys', 'functools.partial'
])
def test_only_arrays_and_containers_have_names(tmp_path, name):
    module, _, attribute = name.rpartition('.')
    path = tmp_path / 'f.pkl'
    path.write_bytes(b'\x80\x02c' + f'{module}\n{attribute}\n'.encode() + b'.')
    with pytest.raises(CheckpointError, match=f'is refused: it asks for {name}, and more than'):
        read_file(path)


def test_refusal_names_the_remedy(tmp_path):
    path = dump({'model': Payload(tmp_path / 'proof')}, tmp_path / 'f.pkl')
    with pytest.raises(CheckpointError, match='ask them for the weights alone') as error:
        read_file(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'save', [
        lambda path: torch.save(WEIGHTS, path),
        lambda path: torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False),
        lambda path: save_file(WEIGHTS, path),
        lambda path: dump(ARRAYS, path),
    ],
    ids=['zip', 'legacy', 'safetensors', 'pickle'])
@pytest.mark.parametrize('share', [0.3, 0.7, 0.98])
@pytest.mark.parametrize('mapped', [False, True])
def test_truncated(tmp_path, save, share, mapped):
    path = tmp_path / 'f.pth'
    save(path)
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])
    with pytest.raises(CheckpointError, match=r'f\.pth is (truncated|damaged).*again\.$') as error:
        read_file(path, mapped=mapped)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('data, expected', [
    (b'', r'f\.pth is empty \(0 bytes\).*Delete it and get it again'),
    (b'<!DOCTYPE html><html>404</html>', r'f\.pth is not a checkpoint\. It is a text or web page'),
    (b'version https://git-lfs.github.com/spec/v1\noid',
     r'f\.pth is not a checkpoint\. It is a tex'),
    (b'\x89PNG\r\n\x1a\n', r'f\.pth is not a checkpoint\. It starts like none of torch, pickle'),
    (b'PK\x03\x04 no archive', r'f\.pth is truncated'),
    (b'\x80\x02\x8f nothing', r'f\.pth is damaged or not a checkpoint'),
])
def test_not_a_checkpoint(tmp_path, data, expected):
    path = tmp_path / 'f.pth'
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=expected) as error:
        read_file(path)
    assert '\n' not in str(error.value)


def test_torchscript_is_refused(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / 'f.pth')
    with pytest.raises(CheckpointError, match='damaged or not a checkpoint .*TorchScript'):
        read_file(tmp_path / 'f.pth')


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'f\.pth can not be found.*--list'):
        read_file(tmp_path / 'f.pth')


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_values_that_are_not_finite(value):
    bad = {**WEIGHTS, 'b': torch.tensor([1., value, value]), 'steps': torch.tensor(3)}
    check_finite(WEIGHTS, 'f')
    with pytest.raises(
            CheckpointError, match=r'^f: b holds 2 NaN or infinite values of 3\. .*again'):
        check_finite(bad, 'f')


def test_infinities_that_cancel_out_and_sums_that_overflow():
    check_finite(
        {
            'f': torch.full((64, ), 3e38),
            'h': torch.full((64, ), 6e4).half(),
            'e': torch.zeros(0)
        }, 'f')
    with pytest.raises(CheckpointError, match='2 NaN or infinite values of 2'):
        check_finite({'a': torch.tensor([float('inf'), -float('inf')])}, 'f')


def test_values_are_looked_at_without_a_copy():
    value = torch.ones(1000, 1000)
    with OpRecorder() as recorder:
        check_finite({'a': value}, 'f')
    assert recorder.peak_bytes < 1000


@pytest.mark.parametrize('suffix, content', [
    ('.pth', dict(state_dict=WEIGHTS)),
    ('.pyth', dict(model_state=WEIGHTS)),
    ('.safetensors', WEIGHTS),
    ('.pkl', dict(model=WEIGHTS, __author__='x')),
])
def test_what_is_written_is_read(tmp_path, suffix, content):
    path = tmp_path / 'new' / f'f{suffix}'
    write_file(content, path)
    assert_weights(unwrap(read_file(path), 'f'))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o666 & ~os_umask()


def os_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_pkl_is_plain_numpy(tmp_path):
    write_file(dict(model=WEIGHTS, __author__='x'), tmp_path / 'f.pkl')
    content = pickle.loads((tmp_path / 'f.pkl').read_bytes(), encoding='latin1')
    np.testing.assert_array_equal(content['model']['a.weight'], ARRAYS['a.weight'])


def test_shared_memory_goes_into_safetensors(tmp_path):
    shared = torch.arange(4.)
    write_file({
        'a': shared,
        'b': shared[:2],
        'c': shared.view(2, 2).t()
    }, tmp_path / 'f.safetensors')
    found = read_file(tmp_path / 'f.safetensors')
    assert torch.equal(found['b'], shared[:2]) and torch.equal(found['c'], shared.view(2, 2).t())


def test_only_what_shares_memory_is_copied_for_safetensors(tmp_path):
    weights = {'a': torch.rand(1000), 'b': torch.rand(1000)}
    with OpRecorder() as recorder:
        write_file({**weights, 'c': weights['b'][500:]}, tmp_path / 'f.safetensors')
    assert recorder.peak_bytes == 4 * 500
    assert torch.equal(read_file(tmp_path / 'f.safetensors')['c'], weights['b'][500:])


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / 'f.pth'
    write_file(dict(state_dict=WEIGHTS), path)
    with pytest.raises(Exception, match='[Pp]ickle|local object'):
        write_file(dict(state_dict=WEIGHTS, bad=lambda: 0), path)
    assert_weights(unwrap(read_file(path), 'f'))
    assert [file.name for file in tmp_path.iterdir()] == ['f.pth']


def test_suffix_that_cannot_be_written(tmp_path):
    with pytest.raises(CheckpointError, match=r'cannot write "\.onnx" files\. Use one of \.pth'):
        write_file(WEIGHTS, tmp_path / 'f.onnx')
