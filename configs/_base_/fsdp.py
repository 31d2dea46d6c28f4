# Mixed into a config: parameters, gradients and the state of the optimizer are split over all
# processes, one shard per block; checkpoints hold whole tensors.
runner_type = 'FlexibleRunner'
strategy = dict(
    type='mvitv2_mm.FSDPStrategy',
    model_wrapper=dict(type='MMFullyShardedDataParallel', auto_wrap_policy='mvitv2_mm.wrap_blocks'),
    state_dict_cfg='full')
