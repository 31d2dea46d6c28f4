_base_ = ['./kinetics400_32x3.py', './kinetics600.py']

train_dataloader = dict(dataset=_base_.kinetics600.train)
val_dataloader = dict(dataset=_base_.kinetics600.val)
test_dataloader = val_dataloader
