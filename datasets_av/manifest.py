"""Your own videos and gaze, listed in one CSV file; ``MANIFEST.md`` beside this file shows how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import ClassVar, cast

from avsal.errors import DatasetError
from avsal.types import Fixations, Recording, ScreenGeometry, Split
from datasets_av.csv_files import csv_header, csv_rows, near_column
from datasets_av.dataset import Dataset, DatasetInfo
from datasets_av.frame_images import DensityImages
from datasets_av.layout import expect_same_count, images_in
from datasets_av.manifest_gaze import Viewing, check_gaze_file, read_gaze_file
from datasets_av.object_masks import MaskImages
from datasets_av.video_facts import video_facts

__all__ = ["Manifest"]

_COLUMNS = (
    "id", "video", "audio", "frame_rate", "gaze", "density", "masks", "split", "category",
    "screen_px", "screen_cm", "distance_cm", "video_box",
)  # fmt: skip
_REQUIRED = ("id", "video")
#: columns by the names that earlier versions asked for
_FORMER = {"film": "video", "film_box": "video_box"}


class Manifest(Dataset):
    """Videos and gaze of your own, one row a video.

    ``root`` is the CSV file, or a folder that holds `manifest.csv`. Paths are relative to the CSV file.
    Columns, of which only the first two must be there::

        id            unique name
        video          video file, folder of numbered images, or one image: a video of one frame
        audio         sound file; empty: the video's own, if it has any; `none`: no sound
        frame_rate    frames a second; for folders of images only
        gaze          CSV of gaze, see below
        density       folder of density maps, one image a frame
        masks         folder of object masks, one image a frame
        split         train, val or test
        category      for subgroups
        screen_px     of the viewers' screen, width x height: 1920x1080
        screen_cm     the same in centimetres: 53.1x29.9
        distance_cm   from the eye to the screen
        video_box      where on the screen the video was: left top width height in screen pixels. Given: gaze
        is
                      in screen pixels. Empty: gaze is in pixels of the video

    A gaze CSV is of one of three kinds, told by its header; `observer` (a whole number) may be left out of
    each::

        frame,x,y,observer                       a fixation on a video frame, from 0
        start_ms,duration_ms,x,y,observer        a fixation in time
        time_ms,x,y,observer[,fixation]          a raw sample; empty x, y: the eye was lost

    Times run on the video's own clock: 0 is where picture or sound begins, whichever is first. Raw samples
    become fixations by velocity (I-VT) and need the screen, at 60 samples a second or more; with a column
    `fixation` (1 or 0) the eye tracker's own judgement is used instead, at any rate.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="manifest",
        title="Manifest",
        citation="your own",
        licence="your own",
        source="datasets_av/MANIFEST.md says how to write one",
        num_recordings=None,
        sound=True,
        sigma="your choice",
    )

    def __init__(
        self,
        root: str | Path,
        *,
        split: Split | None = None,
        strict: bool = False,
        velocity_threshold: float = 30.0,
        minimum_duration: float = 0.1,
    ) -> None:
        """Read the list; videos and gaze are read later.

        Args:
            root: the CSV file, or the folder of `manifest.csv`.
            split: only the rows of this split; None for all.
            strict: raise on the first problem.
            velocity_threshold: degrees a second from which a raw sample is part of a saccade.
            minimum_duration: minimum duration in seconds, of a fixation found in raw samples.

        Raises:
            DatasetError: there is no such file, or its columns are not the ones above.
        """
        path = Path(root)
        self.table = path if path.suffix.lower() == ".csv" else path / "manifest.csv"
        super().__init__(self.table.parent, split=split, strict=strict)
        self.velocity_threshold = velocity_threshold
        self.minimum_duration = minimum_duration
        self._rows = _read_table(self.table)

    def _recordings(self) -> Iterator[Recording]:
        for line, row in self._rows:
            name, split = f"{self.table}, line {line} ({row['id']})", cast(Split, row["split"])
            yield from self._usable([(name, split, partial(self._recording, row))])

    def _recording(self, row: Mapping[str, str]) -> Recording:
        video = self._existing(row, "video")
        images = images_in(video, "frames") if video.is_dir() else None
        rate = _frame_rate(row)
        if images is not None and rate is None:
            raise DatasetError(f"{video} is a folder of images and needs `frame_rate`")
        if images is None and rate is not None:
            raise DatasetError(
                "`frame_rate` is for folders of images; a video's own time stamps hold, leave it empty"
            )
        facts = video_facts(video) if images is None else None
        num_frames = facts.num_frames if facts else len(images or ())
        audio: Path | None = None
        if row["audio"] == "":
            audio = video if facts and facts.has_sound else None
        elif row["audio"] != "none":
            audio = self._existing(row, "audio")
        screen, box = _geometry(row), _box(row)
        load_fixations: Callable[[], Fixations] | None = None
        if row["gaze"]:
            gaze = self._existing(row, "gaze")
            viewing = Viewing(
                video,
                rate,
                screen,
                box,
                velocity_threshold=self.velocity_threshold,
                minimum_duration=self.minimum_duration,
            )
            check_gaze_file(gaze, viewing)
            load_fixations = partial(read_gaze_file, gaze, viewing)
        maps = images_in(self._existing(row, "density"), "density maps") if row["density"] else None
        masks = images_in(self._existing(row, "masks"), "masks") if row["masks"] else None
        expect_same_count(
            video,
            frames=num_frames,
            density_maps=None if maps is None else len(maps),
            masks=None if masks is None else len(masks),
        )
        return Recording(
            id=row["id"],
            dataset=self.info.name,
            frames=video,
            audio=audio,
            frame_rate=rate,
            num_frames=num_frames,
            split=cast(Split, row["split"]) if row["split"] else None,
            category=row["category"] or None,
            load_fixations=load_fixations,
            load_density=None if maps is None else DensityImages(maps),
            load_mask=None if masks is None else MaskImages([masks]),
        )

    def _existing(self, row: Mapping[str, str], column: str) -> Path:
        path = self.root / row[column]
        try:
            there = path.exists()
        except OSError as error:
            raise DatasetError(f"`{column}` names {path}, which cannot be read ({error.strerror})") from error
        if not there:
            raise DatasetError(
                f"`{column}` names {path} but there is none; paths are relative to the CSV file"
            )
        return path


def _read_table(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with the line they end on, every column present, checked one by one."""
    raw = csv_rows(path)
    columns = [_FORMER.get(name, name) for name in csv_header(path, raw)]
    _check_columns(path, columns)
    rows: list[tuple[int, dict[str, str]]] = []
    seen: set[str] = set()
    for line, cells in raw:
        if len(cells) != len(columns):
            raise DatasetError(
                f"{path}, line {line}: expected {len(columns)} cells but found {len(cells)}; quote cells "
                "that hold commas"
            )
        row = dict.fromkeys(_COLUMNS, "")
        row |= {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
        if not row["id"] or row["id"] in seen:
            raise DatasetError(
                f"{path}, line {line}: expected a new `id` but found {row['id']!r}; name each video once"
            )
        if row["split"] not in ("", "train", "val", "test"):
            raise DatasetError(
                f"{path}, line {line}: expected `split` train, val or test but found {row['split']!r}"
            )
        seen.add(row["id"])
        rows.append((line, row))
    return rows


def _check_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        near = next((hint for name in columns if (hint := near_column(name, missing))), "")
        raise DatasetError(
            f"{path}: expected a column `{missing[0]}` but found {', '.join(columns) or 'no header'}{near}"
        )
    for name in columns:
        if name not in _COLUMNS:
            raise DatasetError(
                f"{path}: unknown column `{name}`; expected some of {', '.join(_COLUMNS)}"
                f"{near_column(name, _COLUMNS)}"
            )


def _number(row: Mapping[str, str], column: str) -> float | None:
    numbers = _numbers(row, column, 1)
    return numbers[0] if numbers else None


def _numbers(row: Mapping[str, str], column: str, count: int) -> tuple[float, ...] | None:
    """Positive numbers (video_box: any left and top) split by x, spaces or commas; None for an empty cell."""
    if not row[column]:
        return None
    try:
        numbers = tuple(float(part) for part in row[column].replace("x", " ").replace(",", " ").split())
    except ValueError:
        numbers = ()
    if len(numbers) != count or min(numbers[-2:]) <= 0 or not all(abs(number) < 1e6 for number in numbers):
        raise DatasetError(
            f"`{column}` must be {count} positive number{'s' * (count > 1)} but is {row[column]!r}"
        )
    if column == "screen_px" and not all(number.is_integer() for number in numbers):
        raise DatasetError(f"`screen_px` must be whole pixels but is {row[column]!r}")
    return numbers


def _frame_rate(row: Mapping[str, str]) -> float | None:
    """The rate of a folder of images, as a number or a fraction such as 30000/1001."""
    if not row["frame_rate"]:
        return None
    try:
        rate = float(Fraction(row["frame_rate"]))
    except (ValueError, ZeroDivisionError, OverflowError):
        rate = 0.0
    if not 1e-3 <= rate <= 1e4:
        raise DatasetError(
            f"`frame_rate` must be frames a second such as 25 or 30000/1001 but is {row['frame_rate']!r}"
        )
    return rate


def _geometry(row: Mapping[str, str]) -> ScreenGeometry | None:
    pixels, centimetres = _numbers(row, "screen_px", 2), _numbers(row, "screen_cm", 2)
    distance = _number(row, "distance_cm")
    if pixels is None and centimetres is None and distance is None:
        return None
    if pixels is None or centimetres is None or distance is None:
        raise DatasetError("the screen needs all of `screen_px`, `screen_cm` and `distance_cm`, or none")
    return ScreenGeometry((int(pixels[1]), int(pixels[0])), (centimetres[1], centimetres[0]), distance)


def _box(row: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    numbers = _numbers(row, "video_box", 4)
    return None if numbers is None else (numbers[0], numbers[1], numbers[2], numbers[3])
