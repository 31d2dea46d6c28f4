"""Run Triton pooling in Triton's interpreter: ``python run_in_interpreter.py IN.pt OUT.pt``.

A program of its own: the interpreter is chosen when triton is imported, for a whole process.
"""
import sys

import torch
import triton.language as tl
from triton.runtime import interpreter

from mvitv2_mm.ops import triton_pooling


def check_operator(tensors, case):
    """PyTorch's own checks of a custom operator."""
    x, *parameters = [t if t is None else t.detach().requires_grad_() for t in tensors]
    heads = x.unflatten(2, (-1, len(parameters[0])))
    args = (heads, *parameters, list(case['grid']), list(case['stride']), case['num_extra'], 1e-6)
    torch.library.opcheck(torch.ops.mvitv2_mm.pool_norm.default, args)


def pool(case):
    """Output and gradients of one case."""
    tensors = [case[name] for name in ('x', 'weight', 'norm_weight', 'norm_bias')]
    inputs = [t.requires_grad_() for t in tensors if t is not None]
    function = triton_pooling.triton_pool_norm
    if case['compiled']:
        check_operator(tensors, case)
        function = torch.compile(function, fullgraph=True, dynamic=True, backend='aot_eager')
    out = function(tensors[0], case['grid'], tensors[1], case['stride'], case['num_extra'],
                   *tensors[2:])
    return [out.detach(), *torch.autograd.grad(out, inputs, case['grad_out'])]


def convert_float(data, src, dst, rounding, convert=interpreter._convert_float):
    """The interpreter cuts bits off where a GPU rounds to bfloat16."""
    if (src, dst) != (tl.float32, tl.bfloat16):
        return convert(data, src, dst, rounding)
    rounded = torch.from_numpy(data.copy()).bfloat16().view(torch.int16)
    return rounded.numpy().view('uint16')


def main():
    interpreter._convert_float = convert_float
    # Two programs walk over all rows, so that some of them see several blocks.
    triton_pooling._REDUCTION_PROGRAMS = 2
    torch.save([pool(case) for case in torch.load(sys.argv[1])], sys.argv[2])


if __name__ == '__main__':
    main()
