"""The check of a GPU, on the CPU: it finds what is wrong, counts right, and ends in a page."""
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from test_benchmark import make_row

from mvitv2_mm.benchmark import agreement, gpu_check, gpu_page, kernels, processes
from mvitv2_mm.benchmark.agreement import DTYPES, compare, paths_of
from mvitv2_mm.benchmark.peers import OURS, Case
from mvitv2_mm.benchmark.session import ImplementationError
from mvitv2_mm.benchmark.worker import Meter
from mvitv2_mm.errors import UsageError
from mvitv2_mm.layers import lean
from mvitv2_mm.ops import depthwise_conv

ROOT = Path(__file__).parents[2]
TINY = Case('image', 'tiny', (32, 32), 1, ())
SETTING = dict(device='cpu', dtype='float32', threads=1)


@pytest.mark.gpu
@pytest.mark.parametrize('path', paths_of('cuda'))
@pytest.mark.parametrize('case', gpu_check.SMALL_CASES, ids=lambda case: case.name)
def test_outputs_and_gradients_on_a_gpu(case, path):
    found = list(compare(case, path, DTYPES, 'cuda'))
    assert [row for row in found if not row.agrees] == []


def test_the_cpu_agrees():
    found, = compare(TINY, 'auto', ['float32'], 'cpu')
    assert found.agrees and 0 < found.output < 1e-5 and 0 < found.gradient < 1e-5
    assert found.output != found.plain_output and found.gradient != found.plain_gradient


@pytest.mark.parametrize('fault, output_is_wrong', [
    (lambda x, weight, stride: depthwise_conv(x, 2 * weight - weight.detach(), stride), False),
    (lambda x, weight, stride: depthwise_conv(x, weight.flip(-1), stride), True),
])  # yapf: disable
def test_a_wrong_gradient_and_a_wrong_output_are_found(fault, output_is_wrong, monkeypatch):
    monkeypatch.setattr(lean, 'depthwise_conv', fault)
    for found in compare(TINY, 'auto', ['float32', 'bfloat16'], 'cpu'):
        assert not found.agrees and found.ratio > 10
        assert output_is_wrong or 'pool' in found.worst
        assert (found.output > 2 * found.plain_output) == output_is_wrong


def test_operations_and_bytes_are_counted():
    a, b = torch.rand(30, 40), torch.rand(40, 50)
    maps, weight = torch.rand(2, 8, 6, 6, requires_grad=True), torch.rand(8, 1, 3, 3)
    weight.requires_grad_()

    def run():
        (a @ b).relu()
        F.conv2d(maps, weight, padding=1, groups=8).sum().backward()

    found = {kernel.operator: kernel for kernel in kernels.count(run, 'cpu')}
    product, relu = found['aten::mm'], found['aten::relu']
    assert (product.calls, product.flops) == (1, 2 * 30 * 40 * 50)
    assert product.nbytes == 4 * (30 * 40 + 40 * 50 + 30 * 50)
    assert (relu.flops, relu.nbytes) == (0, 4 * 2 * 30 * 50)
    # every output of a depthwise convolution has 9 products; the backward pass twice as many
    assert found['aten::convolution'].flops == 2 * 2 * 8 * 36 * 9
    assert found['aten::convolution_backward'].flops == 2 * 2 * 2 * 8 * 36 * 9
    assert sum(kernel.share for kernel in found.values()) == pytest.approx(1)
    assert min(kernel.seconds for kernel in found.values()) > 0


def make_event(name, *launched, children=()):
    """An operator and its kernels, as PyTorch's profiler writes them down."""
    found = [SimpleNamespace(name=name, duration=duration) for name, duration in launched]
    device = torch.autograd.DeviceType.CPU
    return SimpleNamespace(
        name=name, kernels=found, cpu_children=children, device_type=device, cpu_time_total=9e9)


def profiled(monkeypatch, *events):
    """Let the profiler have seen events."""
    seen = nullcontext(SimpleNamespace(events=lambda: events))
    monkeypatch.setattr(kernels, 'profile', lambda: seen)


def test_kernels_of_a_gpu_are_those_that_operators_launch(monkeypatch):
    """Times are microseconds, and the range is among the kernels."""
    a, b = torch.ones(2, 3), torch.ones(3, 4)
    inner = make_event('aten::mm', ('void gemm<float, 128>(float*)', 3e6), ('memset', 1e6))
    mark = kernels._MARK
    profiled(monkeypatch, make_event(f'{mark}0', (f'{mark}0', 5e6), children=[inner]), inner,
             make_event(f'{mark}1', ('relu', 2e6)))
    product, relu = kernels.count(lambda: (a @ b).relu(), 'cuda')
    assert (product.operator, product.kernel, product.seconds) == ('aten::mm', 'gemm', 4.)
    assert (relu.kernel, relu.seconds, relu.share) == ('relu', 2., 1 / 3)


@pytest.mark.parametrize('name, short', [
    ('void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>(int)',
     'at::native::vectorized_layer_norm_kernel'),
    ('void (anonymous namespace)::softmax_warp_forward<c10::BFloat16, 8>(float*)',
     'softmax_warp_forward'),
    ('std::enable_if<!(false), void>::type internal::gemvx::kernel<int, int>(cublasParams)',
     'internal::gemvx::kernel'),
    ('ampere_bf16_s16816gemm_bf16_128x128_ldg8_f2f_tn', ) * 2,
])  # yapf: disable
def test_kernels_have_names_of_their_own(name, short, monkeypatch):
    profiled(monkeypatch, make_event(f'{kernels._MARK}0', (name, 1.)))
    kernel, = kernels.count(lambda: torch.ones(2), 'cuda')
    assert kernel.kernel == short


def test_a_profiler_that_sees_no_kernel_is_named(monkeypatch):
    profiled(monkeypatch, make_event(f'{kernels._MARK}0'))
    with pytest.raises(RuntimeError, match='sees no kernel'):
        kernels.count(lambda: torch.ones(2), 'cuda')


def test_a_profile_counts_the_time_of_a_gpu_once(monkeypatch):
    """PyTorch lists kernels beside the operators that launched them."""
    cpu, cuda = torch.autograd.DeviceType.CPU, torch.autograd.DeviceType.CUDA
    entries = [('aten::mm', cpu, 3.), ('gemm', cuda, 3.), ('aten::relu', cpu, 1.)]
    found = [
        SimpleNamespace(key=key, count=1, device_type=device, self_device_time_total=spent)
        for key, device, spent in entries
    ]
    meter = Meter(TINY, OURS, 'cpu', 'float32', 1)
    meter.device = torch.device('cuda')
    monkeypatch.setattr(meter, '_run', lambda mode: None)
    seen = nullcontext(SimpleNamespace(key_averages=lambda: found))
    monkeypatch.setattr(torch.profiler, 'profile', lambda: seen)
    assert meter.profile('inference') == [('aten::mm', 1, .75), ('aten::relu', 1, .25)]


def test_implementations_give_memory_back_when_their_turn_ends(monkeypatch):
    done = []
    monkeypatch.setattr(torch.cuda, 'is_initialized', lambda: True)
    monkeypatch.setattr(torch.cuda, 'empty_cache', lambda: done.append('given back'))
    monkeypatch.setattr(processes, '_meter', SimpleNamespace(output=lambda: done.append('run')))
    processes._ask('output')
    assert done == ['run', 'given back']


def test_the_machine_is_named_after_what_computes(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device=None: f'GPU {device}')
    assert processes.machine('cuda:1').startswith('GPU cuda:1, ')
    assert 'GPU' not in processes.machine()


def test_a_device_that_is_not_there():
    with pytest.raises(UsageError, match='there is no device cuda:99'):
        gpu_check.check('cuda:99')


def test_what_holds_a_kernel():
    product = kernels.Kernel('aten::mm', '', 1, seconds=2., flops=100., nbytes=10.)
    assert product.held_by(peak_flops=200., peak_bytes=10.) == ('memory', .25, .5)
    assert product.held_by(peak_flops=80., peak_bytes=100.) == ('compute', .625, .05)


def make_check(seconds=60.):
    return gpu_check.Check([TINY], SETTING, 1, seconds)


def test_what_fails_is_noted_and_the_others_go_on(monkeypatch):
    asked = []

    def run_case(case, modes, device, dtype, threads, repeats, names):
        asked.append(list(names))
        if 'timm' in names:
            raise ImplementationError('timm', ': OutOfMemoryError: 5 GiB\nof 4')
        return [make_row(), *(make_row(name=name) for name in names)]

    monkeypatch.setattr(gpu_check, 'run_case', run_case)
    check = make_check()
    check._time(TINY, ['timm', 'hiera'], check.result.rows)
    assert asked == [['timm', 'hiera'], ['hiera']]
    assert [row.name for row in check.result.rows] == [OURS, 'hiera']
    assert check.result.left_out == ['time of image tiny 32x32: timm: OutOfMemoryError: 5 GiB']


def test_nothing_begins_that_would_not_end_in_time():
    check, done = make_check(seconds=10.), []
    check.slowest['time'] = 3.
    check._part('time', 'three', 3, done.append, 3)
    check._part('time', 'four', 4, done.append, 4)
    assert done == [3] and check.result.left_out == ['four: no time was left']


@pytest.mark.parametrize('body, line, agrees', [('pass', '1 passed, 1 deselected', True),
                                                ('assert 0', '1 failed, 1 deselected', False)])
def test_the_tests_of_the_checkout_count(body, line, agrees, tmp_path, monkeypatch):
    (tmp_path / 'tests').mkdir()
    (tmp_path / 'pytest.ini').write_text('[pytest]\nmarkers = gpu: x')
    (tmp_path / 'tests' / 'test_it.py'
     ).write_text(f'import pytest\n@pytest.mark.gpu\ndef test_a(): {body}\ndef test_b(): assert 0')
    monkeypatch.setattr(gpu_check, 'repository_folder', lambda: tmp_path)
    check = make_check()
    check.result.agreements.append(
        agreement.Agreement('a', 'auto', 'float32', 'cpu', 1e-6, 1e-6, 1e-6, 1e-6, 'x', 1.))
    check._part('tests', 'tests', 1, check._test)
    assert check.result.tests.startswith(line) and check.result.agrees == agrees


def test_tests_that_cannot_begin_are_no_success(tmp_path, monkeypatch):
    (tmp_path / 'tests').mkdir()
    (tmp_path / 'tests' / 'conftest.py').write_text('import no_such_library')
    monkeypatch.setattr(gpu_check, 'repository_folder', lambda: tmp_path)
    check = make_check()
    check._part('tests', 'tests', 1, check._test)
    assert 'no_such_library' in check.result.tests and '(exit code 4)' in check.result.tests
    check.result.agreements.append(
        agreement.Agreement('a', 'auto', 'float32', 'cpu', 1e-6, 1e-6, 1e-6, 1e-6, 'x', 1.))
    assert not check.result.agrees


def test_a_device_without_room_for_the_peaks_gets_a_page(monkeypatch):

    def matmul_peak(**setting):
        raise torch.OutOfMemoryError('CUDA out of memory.')

    monkeypatch.setattr(gpu_check, 'matmul_peak', matmul_peak)
    monkeypatch.setattr(gpu_check, 'paths_of', lambda device: [])
    monkeypatch.setattr(gpu_check, 'run_case', lambda *args, **kwargs: [make_row()])
    monkeypatch.setattr(gpu_check.Check, '_test', lambda self: None)
    result = make_check().run()
    assert 'peaks of the device: OutOfMemoryError: CUDA out of memory.' in result.left_out
    assert f'| {OURS} |' in gpu_page.to_page(result) and result.kernels == {}


# one network; packages are missing in the processes that this one starts too
BARE = '''
import sys
from mvitv2_mm.benchmark import gpu_check
from mvitv2_mm.commands.frame import run_command
gpu_check.SMALL_CASES = (gpu_check.Case('detection', 'tiny', (64, 64), 1,
                                        ('windowed reference', 'timm')), )
gpu_check.VARIANTS, gpu_check.MODES = ('ours, triton pooling', ), ('training', )
gpu_check.paths_of = lambda device: ['auto']
sys.exit(run_command('gpu-check', ['--small', '--device', 'cpu', '--repeats', '1', '--json',
                                   '--out-dir', sys.argv[1]]))
'''
MISSING = ('mmengine', 'mmcv', 'mmpretrain', 'mmdet', 'mmaction', 'timm', 'torchvision', 'wrapt',
           'rich', 'safetensors', 'filelock')


def test_the_whole_check_with_nothing_but_torch(tmp_path):
    (tmp_path /
     'sitecustomize.py').write_text(f'import sys\nsys.modules.update(dict.fromkeys({MISSING}))')
    env = dict(os.environ, PYTHONPATH=f'{tmp_path}:{ROOT}', OMP_NUM_THREADS='1')
    result = subprocess.run([sys.executable, '-c', BARE, tmp_path / 'out'],
                            capture_output=True,
                            text=True,
                            env=env)
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / 'out' / gpu_page.LINE).read_text())
    assert found['agrees'] and {row['dtype'] for row in found['agreements']} == set(DTYPES)
    assert [row['name'] for row in found['rows']] == [OURS, 'windowed reference']
    assert found['ablations'] == []  # the kernels are for a GPU
    slowest = found['kernels']['detection tiny 64x64, training']
    assert len(slowest) == 3 and {row['held_by'] for row in slowest} <= {'compute', 'memory'}
    assert found['left_out'] == [
        'time of detection tiny 64x64: timm: timm is not installed',
        'tests: they need a checkout, pytest and OpenMMLab packages'
    ]
    page = (tmp_path / 'out' / gpu_page.PAGE).read_text()
    assert 'All 3 comparisons of outputs and gradients agree.' in page
    assert '| detection tiny 64x64 | auto | float16 |' in page
    assert '| windowed reference |' in page and '| aten::' in page


def test_the_page_names_what_is_wrong():
    check = make_check()
    wrong = agreement.Agreement('a net', 'triton', 'float16', 'cuda', 1., 1e-3, 1., 1e-3, 'net.b',
                                90.)
    check.result.agreements.append(wrong)
    check.result.ablations += [make_row(), make_row(name='ours, sdpa', median=1.)]
    page = gpu_page.to_page(check.result)
    assert '| ours, sdpa | 1000 ' in page
    assert 'The numbers are WRONG: triton in float16 (a net).' in page
    assert '90x (b) | **NO** |' in page
    assert 'Tests that need a GPU: not run.' in page and '- nothing' in page
