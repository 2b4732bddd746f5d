"""Clips: windows of a video's frames with the sound of the same seconds, for prediction and for training."""

from typing import TYPE_CHECKING

from avsal.lazy import lazy_names

if TYPE_CHECKING:
    from avsal.clips.batch import ClipBatch
    from avsal.clips.buckets import Group, dealt, grouped, planned_steps
    from avsal.clips.dataset import Clip, ClipDataset
    from avsal.clips.preparation import (
        content_region,
        content_size,
        crop_to_content,
        normalise,
        normalise_clips,
        resize_map,
        waveform,
    )
    from avsal.clips.release_recording import ReleaseRecording
    from avsal.clips.soundtrack import Spans, excerpt
    from avsal.clips.store import Release, Store
    from avsal.clips.store_settings import StoreSettings
    from avsal.clips.store_writer import StoreNeed, StoreReport, prepare
    from avsal.clips.stored_recording import StoredRecording
    from avsal.clips.training_windows import Short
    from avsal.clips.windows import Window, WindowPlan, mirrored
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "batch": "ClipBatch",
            "buckets": "Group dealt grouped planned_steps",
            "dataset": "Clip ClipDataset",
            "preparation": "content_region content_size crop_to_content normalise normalise_clips "
            "resize_map waveform",
            "release_recording": "ReleaseRecording",
            "soundtrack": "Spans excerpt",
            "store": "Release Store",
            "store_settings": "StoreSettings",
            "store_writer": "StoreNeed StoreReport prepare",
            "stored_recording": "StoredRecording",
            "training_windows": "Short",
            "windows": "Window WindowPlan mirrored",
        },
    )

__all__ = [
    "Clip",
    "ClipBatch",
    "ClipDataset",
    "Group",
    "Release",
    "ReleaseRecording",
    "Short",
    "Spans",
    "Store",
    "StoreNeed",
    "StoreReport",
    "StoreSettings",
    "StoredRecording",
    "Window",
    "WindowPlan",
    "content_region",
    "content_size",
    "crop_to_content",
    "dealt",
    "excerpt",
    "grouped",
    "mirrored",
    "normalise",
    "normalise_clips",
    "planned_steps",
    "prepare",
    "resize_map",
    "waveform",
]
