"""Leave-scene-out scores of the default model, by avsal's own evaluation.

    python scripts/default_scores.py DATA material.npz --runs runs --folds 1 2 3 4

Under the folder of runs lies one of `train_default.py --without N` for each fold N, as `without-N`.

Every 25th frame of each video, ground truth drawn 192 rows high (Gaussian of 2 % of the video's width). A
video is always predicted by a network that has not seen its scene; see `default_scenes.csv`.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from default_batches import WHOLE, density_of, show
from default_material import load
from numpy.typing import NDArray
from train_default import ARGUMENTS, NAME

from avsal.ablation.statistics import sign_flip_interval
from avsal.clips import content_size, crop_to_content
from avsal.clips.preparation import normalise_clips, resize_map
from avsal.clips.windows import mirrored
from avsal.evaluation.maps import PredictedMap
from avsal.evaluation.run import Evaluation
from avsal.evaluation.settings import EvaluationSettings
from avsal.evaluation.truth import VideoTruth
from avsal.layers.soundnet import SAMPLE_RATE
from avsal.media import load_sound
from avsal.media.video import open_frames
from avsal.metrics import nss
from avsal.models import SaliencyModel, create_model
from avsal.types import ClipSpec, Recording
from datasets_av.beihang import Hevc, Mufvet

METRICS = ("nss", "cc", "sim", "auc_judd")
EVERY = 25
SPEC = ClipSpec(9, (192, 352), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), resize="fit")
OFFSETS = (0, 2, 4, 8)
SETTINGS = EvaluationSettings(
    metrics=METRICS, every=EVERY, height=192, density="dhf1k", baselines=("centre_bias", "split_half")
)
Table = dict[str, dict[str, dict[str, float]]]


def scenes() -> dict[str, str]:
    """By video, its fold (1 to 4, or aside)."""
    with Path(__file__).with_name("default_scenes.csv").open(newline="") as file:
        return {row["video"]: row["fold"] for row in csv.DictReader(file)}


def recordings(data: Path) -> dict[str, list[Recording]]:
    """By data set."""
    return {"hevc": list(Hevc(data / "hevc")), "mufvet": list(Mufvet(data / "mufvet"))}


class Windows:
    """The pictures that a map of the visual network depends on, of every 25th frame; decoded once.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, recording: Recording) -> tuple[list[int], NDArray[np.uint8], tuple[int, int]]:
        """Frame numbers, (F, 4, h, w, 3), oldest first, and the video's size."""
        path = self.folder / f"{recording.dataset}-{recording.id}.npz"
        if not path.exists():
            with open_frames(recording.frames) as reader:
                size = reader.info.size
            frames = [frame.image for frame in open_frames(recording.frames, content_size(SPEC, size))]
            numbers = list(range(0, len(frames), EVERY))
            # the first frames of a video are shown backwards, as `WindowPlan` does
            chosen = [
                [
                    frames[n - o if n >= SPEC.num_frames - 1 else mirrored(n + o, len(frames))]
                    for o in reversed(OFFSETS)
                ]
                for n in numbers
            ]
            np.savez(path, numbers=numbers, frames=np.array(chosen), size=size)
        with np.load(path) as file:
            height, width = file["size"].tolist()
            return file["numbers"].tolist(), file["frames"], (height, width)


class Visual:
    """Maps of networks that hear nothing, by video."""

    def __init__(self, name: str, models: Mapping[str, SaliencyModel], windows: Windows) -> None:
        self.name, self.models, self.windows = name, models, windows

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap] | None:
        """See `MapSource`."""
        model = self.models.get(f"{truth.recording.dataset}/{truth.recording.id}")
        return None if model is None else self.predict(model, truth.recording)

    def predict(self, model: Any, recording: Recording) -> Iterator[PredictedMap]:
        """The maps of a video."""
        numbers, pictures, size = self.windows.of(recording)
        for number, shown in zip(numbers, pictures, strict=True):
            frames = normalise_clips((torch.from_numpy(shown),), SPEC)
            with torch.inference_mode():
                taps = model.encode(frames)
                levels = [[level[:, :, 3 - k] for k in range(4)] for level in model.levels_of(taps)]
                seen = model.logits_of(model.integrate(levels))
                saliency = model.read_out(seen, None, frames.shape[-2:])
            yield PredictedMap(number, None, crop_to_content(saliency[0, 0], SPEC, size).numpy())

    def unused(self, videos: Sequence[str]) -> list[str]:
        """See `MapSource`."""
        return []


class Moving:
    """The row `motion`: blurred difference of frames, times the centre bias."""

    name = "motion"

    def __init__(self, windows: Windows, evaluation: Evaluation) -> None:
        self.windows, self.evaluation = windows, evaluation

    def __call__(self, truth: VideoTruth) -> Iterator[PredictedMap]:
        """See `MapSource`."""
        numbers, pictures, _ = self.windows.of(truth.recording)
        assert self.evaluation.centre is not None
        for number, shown in zip(numbers, pictures, strict=True):
            change = np.abs(shown[3].astype(np.float32) - shown[2]).mean(-1)
            centre = self.evaluation.centre.map(truth.video, change.shape)
            yield PredictedMap(number, None, (blurred(change, 6) + 0.1) * centre)

    def unused(self, videos: Sequence[str]) -> list[str]:
        """See `MapSource`."""
        return []


def blurred(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A Gaussian filter, borders repeated."""
    reach = np.arange(-round(3 * sigma), round(3 * sigma) + 1)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2)
    for axis in (0, 1):
        image = np.apply_along_axis(
            lambda line: np.convolve(np.pad(line, len(reach) // 2, mode="edge"), kernel, mode="valid"),
            axis,
            image,
        )
    return (image / kernel.sum() ** 2).astype(np.float32)


def table(evaluation: Evaluation) -> Table:
    """By row and video, the means over frames of each metric."""
    found: Table = {}
    for result in evaluation.score():
        for scores in result.scores:
            row = found.setdefault(scores.model, {})
            row[result.video] = {name: float(np.nanmean(values)) for name, values in scores.values.items()}
    return found


def baselines(data: Path, windows: Windows, path: Path) -> dict[str, Table]:
    """Centre bias (of the other videos), one half of the observers, and motion; kept at `path`."""
    if not path.exists():
        made = {}
        for name, videos in recordings(data).items():
            evaluation = Evaluation.prepare(videos, SETTINGS)
            evaluation.sources = (Moving(windows, evaluation),)
            made[name] = table(evaluation)
        path.write_text(json.dumps(made, indent=1))
    found: dict[str, Table] = json.loads(path.read_text())
    return found


def model_scores(
    models: Mapping[str, SaliencyModel], data: Path, windows: Windows, name: str = "model"
) -> dict[str, Table]:
    """Scores of videos by the network given for each; videos without one are left out."""
    settings = EvaluationSettings(metrics=METRICS, every=EVERY, height=192, density="dhf1k", baselines=())
    made = {}
    for dataset, videos in recordings(data).items():
        wanted = [video for video in videos if f"{dataset}/{video.id}" in models]
        if wanted:
            source = Visual(name, models, windows)
            made[dataset] = table(Evaluation.prepare(wanted, settings, source=source))
    return made


def means(
    scores: dict[str, Table], row: str, chosen: Sequence[str] | None = None
) -> dict[str, dict[str, float]]:
    """By data set and metric, the mean over videos."""
    made = {}
    for dataset, rows in scores.items():
        found = [v for video, v in rows[row].items() if chosen is None or f"{dataset}/{video}" in chosen]
        made[dataset] = {metric: round(float(np.mean([v[metric] for v in found])), 3) for metric in METRICS}
    return made


CONDITIONS = ("original", "silent", "swapped", "shifted 0.5 s", "shifted 2 s", "none")


def hearing(models: Mapping[str, Any], data: Path, every: int = 10) -> dict[str, dict[str, float]]:
    """NSS of the talking faces by condition and video, mean over every tenth frame from the 32nd on.

    Swapped: the sound of the next video of the set at the same time; shifted: the video's own, heard so much
    too early.

    Args:
        models: that hear, by video.
        data: the folder of the data sets.
        every: frames from one map to the next, even.
    """
    chosen = [one for one in recordings(data)["mufvet"] if one.audio and f"mufvet/{one.id}" in models]
    sounds = {one.id: load_sound(one.frames, SAMPLE_RATE)[0] for one in chosen}
    found: dict[str, dict[str, float]] = {}
    for place, recording in enumerate(chosen):
        model = models[f"mufvet/{recording.id}"]
        with open_frames(recording.frames) as reader:
            info = reader.info
        frames = list(open_frames(recording.frames, content_size(SPEC, info.size)))
        assert recording.load_fixations is not None
        fixations = recording.load_fixations()
        odd = range(1, len(frames), 2)
        with torch.inference_mode():
            taps = [
                model.encode(normalise_clips((torch.from_numpy(frames[t].image)[None],), SPEC)) for t in odd
            ]
            levels = [model.levels_of(tap) for tap in taps]
        scores: dict[str, list[float]] = {condition: [] for condition in CONDITIONS}
        for last in range(31, len(frames), every):
            now = (last - 1) // 2
            gaze = fixations.at(last)
            if not len(gaze):
                continue
            length = round(32 / info.frame_rate * SAMPLE_RATE)
            begin = frames[last - 31].time
            own, other = sounds[recording.id], sounds[chosen[(place + 1) % len(chosen)].id]
            heard = {
                "original": cut(own, begin, length),
                "silent": np.zeros(length, np.float32),
                "swapped": cut(other, begin, length),
                "shifted 0.5 s": cut(own, begin + 0.5, length),
                "shifted 2 s": cut(own, begin + 2.0, length),
            }
            with torch.inference_mode():
                window = [
                    torch.cat([tap[level] for tap in taps[now - 15 : now + 1]], 2) for level in range(4)
                ]
                newest = [[levels[now - o // 2][level][:, :, 0] for o in OFFSETS] for level in range(4)]
                seen = model.logits_of(model.integrate(newest))
                for condition in CONDITIONS:
                    attention = None
                    if condition != "none":
                        audio = torch.from_numpy(heard[condition])[None, None] * model.spec.audio_scale
                        attention = model.attend(window, audio)
                    saliency = crop_to_content(
                        model.read_out(seen, attention, SPEC.size)[0, 0], SPEC, info.size
                    ).numpy()
                    points = gaze.scaled(saliency.shape).rows_and_columns()
                    scores[condition].append(nss(saliency, points))
        found[recording.id] = {name: float(np.mean(values)) for name, values in scores.items()}
    return found


def cut(sound: NDArray[np.float32], begin: float, length: int) -> NDArray[np.float32]:
    """`length` samples from a time in seconds on; after the end the start follows."""
    return np.resize(np.roll(sound, -round(begin * SAMPLE_RATE)), length)


def photographs(model: Any, material: Path) -> dict[str, float]:
    """Held-out photographs: NSS and information gain in bits a fixation over the centre bias, by row.

    The centre bias is the gaze on the photographs that were trained on; one half of the viewers, with a tenth
    of it mixed in, predicts the other, both ways.
    """
    everything, _ = load(material)
    shown = [one for one in everything if one.density is None]
    gaze = np.concatenate([one.points for one in shown if not one.held])
    centre = density_of((gaze[:, :2] * SPEC.size).astype(np.float32), SPEC.size, 14).numpy()
    found: dict[str, list[float]] = {}
    for place, photograph in enumerate(one for one in shown if one.held):
        frames, spot = show(torch.from_numpy(photograph.image)[None], WHOLE, SPEC.size, torch.ones(3))
        with torch.inference_mode():
            whole = model(frames[None].expand(-1, -1, 9, -1, -1))[0, 0].numpy()
        top, left, height, width = spot
        size = (height, width)
        saliency = whole[top : top + height, left : left + width]
        bias = resize_map(centre, size)
        bias = bias / bias.sum()
        points = photograph.points
        draw = np.random.default_rng(place).permutation(np.unique(points[:, 2]))
        first = np.isin(points[:, 2], draw[: len(draw) // 2])
        for known, asked in ((first, ~first), (~first, first)):
            cells = (points[known, :2] * size).astype(np.float32)
            half = 0.9 * density_of(cells, size, 0.03 * width).numpy() + 0.1 * bias
            where = tuple((points[asked, :2] * size).astype(np.int64).T)
            for row, values in (("model", saliency), ("half of the viewers", half), ("centre bias", bias)):
                found.setdefault(f"{row}: nss", []).append(nss(values, where))
                floored = 0.99 * values / values.sum() + 0.01 / values.size
                gain = np.log2(floored[where] / bias[where]).mean()
                found.setdefault(f"{row}: gain", []).append(float(gain))
    return {name: round(float(np.nanmean(values)), 3) for name, values in found.items()}


def trained(path: Path) -> Any:
    """The network of a state file."""
    model = create_model(NAME, **ARGUMENTS)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of hevc/ and mufvet/")
    parser.add_argument("material", type=Path, help="file of packed material")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--folds", nargs="+", default=["1", "2", "3", "4", "aside"], help="[%(default)s]")
    parser.add_argument("--state", default="made", help="stage whose state is scored [%(default)s]")
    parser.add_argument("--out", type=Path, help="JSON of everything")
    arguments = parser.parse_args()
    table_of = scenes()
    networks = {
        fold: trained(arguments.runs / f"without-{fold}" / f"{arguments.state}.pt")
        for fold in arguments.folds
    }
    models = {video: networks[fold] for video, fold in table_of.items() if fold in networks}
    windows = Windows(arguments.runs / "windows")
    scores = model_scores(models, arguments.data, windows)
    others = baselines(arguments.data, windows, arguments.runs / "baselines.json")
    for dataset, tables in others.items():
        scores[dataset] |= tables
    for row in ("model", "centre_bias", "motion", "split_half"):
        print(row, means(scores, row, list(models)))
    for dataset, tables in scores.items():
        for video, values in tables["model"].items():
            half = tables["split_half"][video]["nss"]
            print(f"{dataset}/{video}: NSS {values['nss']:.2f}, half of the observers {half:.2f}")
    seen = photographs(networks[arguments.folds[0]], arguments.material)
    heard = hearing(models, arguments.data)
    print(seen)
    for condition in CONDITIONS[1:]:
        gains = [values["original"] - values[condition] for values in heard.values()]
        print(f"original - {condition}: {np.mean(gains):+.3f} {sign_flip_interval(gains)}")
    if arguments.out is not None:
        everything = {"scores": scores, "photographs": seen, "hearing": heard}
        arguments.out.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
