_base_ = ['./kinetics400.py', '../loaders/train.py']

from mvitv2_mm.config_edit import edit

train_pipeline = edit(
    _base_.train_pipeline,
    ClipRandAugment=None,
    RandomResizedCrop=dict(area_range=(0.5, 1.)),
    PackActionInputs=(
        # 157 of 392 cells
        dict(
            type='mvitv2_mm.MaskCubes',
            grid_size=(8, 7, 7),
            mask_ratio=0.4,
            min_area=9,
            max_area=49,
            min_aspect=0.3),
        dict(type='PackActionInputs', algorithm_keys=('mask', )),
    ))
# the labels are not used
train_dataloader = dict(
    batch_size=16, dataset=dict(_base_.kinetics400.train, pipeline=train_pipeline))
