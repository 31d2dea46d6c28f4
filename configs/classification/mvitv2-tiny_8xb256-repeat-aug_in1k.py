_base_ = './mvitv2-tiny_8xb256_in1k.py'

# Every image three times among the GPUs, epochs keep their length. No published model uses it.
train_dataloader = dict(sampler=dict(type='RepeatAugSampler', num_repeats=3))
