"""Ours with one thing done the plain way, to measure what that thing brings."""
from ..layers import lean
from ..ops.pooling import reference_depthwise_conv

# name: the module and the function in it that is replaced, and the function that replaces it
ABLATIONS = {
    'whole hidden layers': (lean, 'split_tokens', lambda x, width: [x]),
    'all keys projected': (lean, 'drops_unread', lambda kernel, stride: False),
    'plain convolution': (lean, 'depthwise_conv', reference_depthwise_conv),
}
