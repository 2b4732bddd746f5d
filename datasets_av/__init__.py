"""Data sets of videos with sound and gaze, read the same way. Importing a reader's file registers it."""

from importlib import import_module

from datasets_av.dataset import Dataset, DatasetInfo, dataset_class, list_datasets, open_dataset

__all__ = ["Dataset", "DatasetInfo", "dataset_class", "list_datasets", "open_dataset"]

#: the files of readers
_READERS = """
action_sets aveyetracking avimos beihang coutrot_raw crowdsal dhf1k diem diem_raw ledov manifest
map_photographs mask_sets nus_photographs salicon savam sounding_objects stavis_sets vsg
"""

for _name in _READERS.split():
    import_module(f"datasets_av.{_name}")
