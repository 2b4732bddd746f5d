"""Models of avsal as models of pysaliency, and models of pysaliency as sources of maps for `avsal.evaluate`.

pysaliency (Kümmerer) is imported when a function is called; it is no dependency: ``pip install pysaliency
"setuptools<81" "numpy<2.4"``, for it asks for `pkg_resources`, and its AUC for `numpy.trapz`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avsal.errors import ConfigError
from avsal.evaluation import PredictedMap, VideoTruth
from avsal.media import open_frames
from avsal.models import SaliencyModel, require_model
from avsal.prediction import predict

__all__ = ["FromPysaliency", "to_pysaliency", "video_to_pysaliency"]


def to_pysaliency(model: SaliencyModel, *, caching: bool = False, **options: Any) -> Any:
    """A model as pysaliency's model of still stimuli.

    Each stimulus is a video of one frame, without sound, as `avsal predict photo.jpg` takes it; grey ones are
    repeated in three colours. Its map has the stimulus's size (`Prediction.map_at`).

    Examples:
        >>> ours = to_pysaliency(avsal.load_model())
        >>> ours.NSS(stimuli, fixations)

    Args:
        model: from `avsal.load_model`.
        caching: whether pysaliency keeps the maps, by the hash of the stimulus.
        **options: of `avsal.predict`.

    Returns:
        a `pysaliency.SaliencyMapModel`. Its maps are no densities; pysaliency can convert them.

    Raises:
        ConfigError: pysaliency is not installed.
    """
    pysaliency = _pysaliency()
    require_model(model)
    base: Any = pysaliency.SaliencyMapModel

    class StillModel(base):
        """See `to_pysaliency`."""

        def _saliency_map(self, stimulus: NDArray[Any]) -> NDArray[np.float32]:
            picture = stimulus if stimulus.ndim == 3 else np.repeat(stimulus[..., None], 3, axis=2)
            return next(predict(model, [picture[..., :3]], fps=25, audio="none", **options)).map_at()

    return StillModel(caching=caching)


def video_to_pysaliency(
    model: SaliencyModel, source: Any, *, step: int = 1, **options: Any
) -> tuple[Any, Any]:
    """The frames of a video as pysaliency's stimuli, and a model that knows their maps.

    The maps are those of the video, with what moves in it and its sound, not those of its frames as stills.
    Frames and maps are held in memory, 10 MB for each frame of 720p: take some of them with `step`.

    Args:
        model: from `avsal.load_model`.
        source: of `avsal.predict`.
        step: take each N-th frame.
        **options: of `avsal.predict`.

    Returns:
        `pysaliency.Stimuli`, the i-th of which is frame ``i * step``, and a `pysaliency.SaliencyMapModel`
        that raises ValueError for what is none of them.

    Raises:
        ConfigError: pysaliency is not installed, or `step` is below 1.
        MediaError: the video cannot be read.
    """
    pysaliency = _pysaliency()
    if step < 1:
        raise ConfigError(f"`step` must be at least 1 but is {step}")
    pictures, maps = [], {}
    for one in predict(model, source, pictures=True, **options):
        if one.index % step == 0:
            picture = one.picture
            assert picture is not None
            pictures.append(picture)
            maps[pysaliency.datasets.get_image_hash(picture)] = one.map_at()
    base: Any = pysaliency.SaliencyMapModel

    class VideoModel(base):
        """See `video_to_pysaliency`."""

        def _saliency_map(self, stimulus: NDArray[Any]) -> NDArray[np.float32]:
            found = maps.get(pysaliency.datasets.get_image_hash(stimulus))
            if found is None:
                raise ValueError("this stimulus is no frame of the video that was predicted")
            return found

    return pysaliency.Stimuli(pictures), VideoModel(caching=False)


class FromPysaliency:
    """A model of pysaliency as a source of maps: ``avsal.evaluate(FromPysaliency(model), data)``.

    Each frame that is scored is a stimulus of its own. Of a probabilistic model the density is taken. Models
    whose files are there already need no pysaliency: `avsal evaluate maps=` reads its HDF5.

    Args:
        model: a `pysaliency.SaliencyMapModel` or `pysaliency.Model`.
        name: of the row.
    """

    def __init__(self, model: Any, name: str = "pysaliency") -> None:
        if not (hasattr(model, "saliency_map") or hasattr(model, "log_density")):
            raise ConfigError(
                f"expected a pysaliency.SaliencyMapModel or pysaliency.Model but found {type(model).__name__}"
            )
        self.name, self._model = name, model

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """See `avsal.evaluation.MapSource`."""
        recording, wanted = truth.recording, set(truth.frames.tolist())
        rate = recording.frame_rate if recording.frames.is_dir() else None
        with open_frames(recording.frames, frame_rate=rate) as reader:
            for frame in reader:
                if frame.index > truth.frames[-1]:
                    return
                if frame.index in wanted:
                    yield PredictedMap(frame.index, frame.time, self._map(frame.image))

    def _map(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        if hasattr(self._model, "log_density"):
            return np.exp(np.asarray(self._model.log_density(picture), np.float64))
        return np.asarray(self._model.saliency_map(picture), np.float64)

    def unused(self, videos: Sequence[str]) -> list[str]:
        """See `avsal.evaluation.MapSource`: none."""
        return []


def _pysaliency() -> Any:
    try:
        library = import_module("pysaliency")
        import_module("pysaliency.datasets")
    except ImportError as error:
        raise ConfigError(
            f'pysaliency cannot be imported ({error}): pip install pysaliency "setuptools<81" "numpy<2.4"'
        ) from error
    return library
