"""Maps without look-ahead in bounded memory: the video's real past on the left, zeros on the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avsal.clips import normalise_clips, waveform
from avsal.errors import ConfigError
from avsal.layers.folding import folded
from avsal.models.tsfpnet import TSFPNet
from avsal.prediction.engines.engine import arithmetic
from avsal.prediction.engines.exact import WindowEngine
from avsal.prediction.engines.network import TapedNetwork
from avsal.prediction.engines.runs import Runs, WindowJob
from avsal.prediction.engines.temporal import Edges

__all__ = ["LiveEngine", "LiveState"]

#: frames before a window that its map depends on
PAST = 48

LIVE = Edges(left=False, right=True)


class LiveEngine(WindowEngine):
    """Each window's left end sees the frames before it instead of zeros. See `Engine`.

    What lies before the video's first frame is zeros. The video's first frames are predicted from windows
    that play it backwards, as by the other engines; their past is the frames after them.
    Windows of which no map is wanted still tell what the video was: what windows share is computed of every
    frame, so that leaving maps out changes none of the others and saves only each window's own work.
    """

    name = "live"
    past = PAST
    edges = LIVE

    def predict(self, jobs: Iterable[WindowJob]) -> Iterator[tuple[WindowJob, Tensor]]:
        """See `Engine.predict`."""
        for run in Runs(jobs, self.spec.num_frames):
            if run.backward:
                yield from reversed(list(self.ascend(run)))
            else:
                yield from self.ascend(run)


class LiveState:
    """All that live prediction remembers of a camera or pipe.

    A map is there as soon as its frame is, from the T-th frame after a start on. Memory does not grow. After
    a cut, a seek or lost frames, `reset` starts anew.

    Args:
        model: on its device, in evaluation mode.
    """

    def __init__(self, model: TSFPNet) -> None:
        self.spec = model.spec
        self._device = next(model.parameters()).device
        self._network = TapedNetwork(folded(model), LIVE)

    @property
    def num_frames(self) -> int:
        """Frames since the start or the last `reset`."""
        return self._network.num_frames

    @property
    def nbytes(self) -> int:
        """Bytes that are remembered of the video."""
        return self._network.nbytes

    def reset(self) -> None:
        """Forget the video: the next frame is a first one."""
        self._network.reset()

    @torch.inference_mode()
    def push(
        self, images: Sequence[NDArray[np.uint8]], sound: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Go on by some frames.

        Args:
            images: (H, W, 3) uint8 RGB, scaled to the model's `content_size`.
            sound: (A,) samples in [-1, 1] at the model's rate: the seconds of the T frames that end with the
                last of `images`; then one image is pushed at a time. None: as without sound.

        Returns:
            (n, H, W) maps of those of the frames that have T - 1 frames before them; the model's size.

        Raises:
            ConfigError: sound with several images, or for a model that takes none.
        """
        if sound is not None and (len(images) != 1 or self.spec.sample_rate is None):
            raise ConfigError("expected sound with one image at a time, for a model that takes sound")
        pixels = torch.from_numpy(np.stack(images)).to(self._device)
        frames = normalise_clips([pixels], self.spec)[0].permute(1, 2, 3, 0)
        length, begin = self.spec.num_frames, self.num_frames
        end = begin + len(images)
        heard = None if sound is None else waveform(sound, self.spec).to(self._device)
        windows = range(max(0, begin - length + 1), end - length + 1)
        oldest = max(0, end - length + 1)
        with arithmetic(self._device, torch.float32):
            _, maps = self._network.push(frames, dict.fromkeys(windows, (heard,)), oldest=oldest)
        return maps[:, 0, 0].float().cpu().numpy()
