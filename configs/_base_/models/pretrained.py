# How a backbone starts from the weights of a whole model; recipes add the checkpoint.
pretrained = dict(type='Pretrained', prefix='backbone.')
