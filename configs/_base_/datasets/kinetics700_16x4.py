_base_ = ['./kinetics400_16x4.py', './kinetics700.py']

train_dataloader = dict(dataset=_base_.kinetics700.train)
val_dataloader = dict(dataset=_base_.kinetics700.val)
test_dataloader = val_dataloader
