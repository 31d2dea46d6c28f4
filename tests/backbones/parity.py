"""Compare a model with a live oracle: outputs and gradients, in float64."""
import torch

# Small networks with every kind of block; head dimension 8.
ARCH = dict(embed_dims=8, num_layers=6, num_heads=1, downscale_indices=[1, 3, 5])
TWO_HEADS = dict(embed_dims=16, num_layers=4, num_heads=2, downscale_indices=[1, 3])


def randomise(model, seed=0):
    """Give every parameter values that matter, in float64; same seed, same values."""
    generator = torch.Generator().manual_seed(seed)
    model.double()
    for name, param in model.named_parameters():
        noise = torch.randn(param.shape, generator=generator, dtype=torch.float64)
        if 'norm' in name:
            noise = float(name.endswith('weight')) + 0.2 * noise
        elif param.dim() > 1 and 'rel_pos' not in name:
            noise = noise / param[0].numel()**0.5
        param.data.copy_(noise)
    model.eval()  # returns None in mmpretrain
    return model


def gradients(model, x, output):
    """Gradients of a fixed weighting of ``output``: by parameter name, and of the input."""
    generator = torch.Generator().manual_seed(1)
    loss = sum((out * torch.randn(out.shape, generator=generator, dtype=out.dtype)).sum()
               for out in output)
    names, params = zip(*model.named_parameters())
    grads = torch.autograd.grad(loss, [*params, x], allow_unused=True)
    return dict(zip(names, grads)), grads[-1]


def assert_same(output, wanted, rtol=1e-9, atol=1e-9):
    assert len(output) == len(wanted)
    for a, b in zip(output, wanted):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def assert_parity(ours,
                  host,
                  x,
                  read=lambda out: [out[-1]],
                  call=None,
                  rename=lambda name: name,
                  **tol):
    """Check outputs, input gradients and the gradient of every parameter.

    Args:
        ours (nn.Module): Our model.
        host (nn.Module): The oracle, same weights.
        x (Tensor): Input.
        read (Callable): Our output -> list of tensors to compare.
        call (Callable): Input -> list of the oracle's tensors.
        rename (Callable): Our parameter name -> the oracle's.
    """
    x = x.clone().requires_grad_()
    output, wanted = read(ours(x)), (call or host)(x)
    assert_same(output, wanted, **tol)
    grads, x_grad = gradients(ours, x, output)
    wanted_grads, wanted_x_grad = gradients(host, x, wanted)
    assert_same([x_grad], [wanted_x_grad], **tol)
    for name, grad in grads.items():
        if grad is not None:  # None: norms of scales that the host does not return
            wanted_grad = wanted_grads[rename(name)].reshape(grad.shape)
            torch.testing.assert_close(
                grad,
                wanted_grad,
                msg=lambda text, name=name: f'{name}: {text}',
                **{
                    'rtol': 1e-9,
                    'atol': 1e-9,
                    **tol
                })


def assert_notices(ours, x, wanted, names, read=lambda out: [out[-1]], **tol):
    """Negative control: after a change of 1e-3 in any of ``names`` the outputs must differ."""
    params = dict(ours.named_parameters())
    for name in names:
        saved = params[name].data.clone()
        params[name].data.flatten()[0] += 1e-3
        with torch.no_grad():
            output = read(ours(x))
        params[name].data.copy_(saved)
        try:
            assert_same(output, wanted, **tol)
        except AssertionError:
            continue
        raise AssertionError(f'the comparison does not notice a change of {name}')
