_base_ = './kinetics400_16x4.py'

data_root = 'data/kinetics700'
train_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics700_train_list_videos.txt'))
val_dataloader = dict(dataset=dict(data_root=data_root, ann_file='kinetics700_val_list_videos.txt'))
test_dataloader = dict(
    dataset=dict(data_root=data_root, ann_file='kinetics700_val_list_videos.txt'))
