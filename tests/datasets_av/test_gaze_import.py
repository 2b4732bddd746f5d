"""Exports written after the makers' documentation, brought to a manifest and read from it."""

import csv
import json
import warnings

import h5py
import numpy as np
import pytest
from command_line import run_line
from fake_media import write_image, write_video
from videos import moving_dot

import avsal
from avsal.errors import ConfigError, DatasetError
from datasets_av.gaze_import import ImportOptions, read_sessions
from datasets_av.manifest import Manifest

SCREEN = {"screen_px": (1920.0, 1080.0), "screen_cm": (53.1, 29.9), "distance_cm": 65.0}

ASC = """** CONVERTED FROM p01.edf using edfapi 4.2.1
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
MSG\t1000 DISPLAY_COORDS 0 0 1919 1079
MSG\t1001 TRIALID 1
START\t1002 \tLEFT RIGHT\tSAMPLES\tEVENTS
EVENTS\tGAZE\tLEFT\tRIGHT\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2
SAMPLES\tGAZE\tLEFT\tRIGHT\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2
1002\t  100.0\t  200.0\t  300.0\t  110.0\t  210.0\t  310.0\t.....
SFIX R   1050
MSG\t1104 -4 !V VFRAME 1 936 524 videos/a.mp4
1108\t  100.0\t  200.0\t  300.0\t  959.5\t  539.5\t  310.0\t.....
1109\t   .\t   .\t    0.0\t   .\t   .\t    0.0\t.....
EFIX R   1050\t1127\t78\t  947.5\t  531.5\t    310
MSG\t1148 -4 !V VFRAME 2 936 524 videos/a.mp4
EFIX L   1130\t1169\t40\t  100.0\t  200.0\t    300
EFIX R   1188\t1227\t40\t  959.5\t  547.5\t    310
MSG\t1400 TRIAL_RESULT 0
EFIX R   1410\t1500\t91\t  959.5\t  547.5\t    310
END\t1500 \tSAMPLES\tEVENTS\tRES\t  26.3\t  25.9
"""

TOBII = """Recording timestamp [μs]\tParticipant name\t\
Recording resolution height\tRecording resolution width\tEvent\tEvent value\t\
Gaze point X [DACS px]\tGaze point Y [DACS px]\tEye movement type\t\
Gaze event duration [ms]\tEye movement type index\tFixation point X [DACS px]\tFixation point Y [DACS px]\t\
Fixation point X [MCS norm]\tPresented Stimulus name
900000\tAnna\t1080\t1920\t\t\t5\t5\tFixation\t90\t1\t5\t5\t\t
1000000\tAnna\t1080\t1920\tVideoStimulusStart\ta\t\t\t\t\t\t\t\t\t
1010000\tAnna\t1080\t1920\t\t\t960\t540\tFixation\t60\t2\t960\t540\t0.5\ta
1030000\tAnna\t1080\t1920\t\t\t961\t541\tFixation\t60\t2\t960\t540\t0.5\ta
1050000\tAnna\t1080\t1920\t\t\t700\t100\tSaccade\t20\t1\t\t\t\ta
1090000\tAnna\t1080\t1920\t\t\t480\t270\tFixation\t70\t3\t480\t270\t0.2\ta
1240000\tAnna\t1080\t1920\tVideoStimulusEnd\ta\t\t\t\t\t\t\t\t\t
1300000\tAnna\t1080\t1920\t\t\t1\t1\tFixation\t70\t4\t1\t1\t0.2\t
"""


@pytest.fixture
def videos(tmp_path):
    """Two videos of 6 frames of 32x48 at 25 a second, and a photograph of 20x30."""
    for name in ("a", "b"):
        write_video(tmp_path / f"videos/{name}.mp4")
    write_image(tmp_path / "videos/still.png", np.zeros((20, 30, 3)))
    return tmp_path / "videos"


def imported(form, source, videos, **settings):
    """The result, and the fixations of each video as the manifest's reader gives them."""
    out = videos.parent / "out"
    result = avsal.import_gaze(form, [source], videos, out, overwrite=True, **settings)
    return result, {recording.id: gaze for recording, gaze in Manifest(out, strict=True).with_gaze()}


def test_eyelink_events_land_on_frames_by_their_messages(videos, tmp_path):
    path = tmp_path / "p01.asc"
    path.write_text(ASC)
    result, gaze = imported("eyelink", path, videos)
    # the delay of -4 ms puts the first frame at 1108; the fixation that began before lasts until 20 ms after
    assert (result.observers, dict(result.videos), result.problems) == (["p01"], {"a": 1}, [])
    (row,) = csv.DictReader((tmp_path / "out/manifest.csv").read_text().splitlines())
    assert (row["video"], row["video_box"]) == ("../videos/a.mp4", "936 524 48 32")
    lines = (tmp_path / "out/gaze/a.csv").read_text().splitlines()
    assert lines == [
        "start_ms,duration_ms,x,y,observer",
        "-58,78,948,532,1",
        "80,40,960,548,1",
    ]
    fixations = gaze["a"]
    assert list(zip(fixations.frame, fixations.x, fixations.y, strict=True)) == [(0, 12, 8), (2, 24, 24)]
    left = avsal.import_gaze("eyelink", [path], videos, tmp_path / "left", eye="left")
    lines = left.manifest.with_name("gaze").joinpath("a.csv").read_text().splitlines()
    assert lines[1:] == ["22,40,100.5,200.5,1"]


def test_a_first_frame_is_where_the_picture_begins_and_an_onset_where_the_video_does(tmp_path):
    (tmp_path / "videos").mkdir()
    moving_dot(tmp_path / "videos/a.mp4", frames=6, size=(32, 48), picture_start=1.0)  # sound begins at 0
    path = tmp_path / "p01.asc"
    path.write_text(ASC)
    _, gaze = imported("eyelink", path, tmp_path / "videos")
    assert list(gaze["a"].frame) == [0, 2]
    _, gaze = imported("eyelink", path, tmp_path / "videos", onset="VFRAME 1", video_box="936 524 48 32")
    assert gaze["a"].dropped == {"fixations before the video": 2}


def test_eyelink_samples_keep_the_screen_and_lost_eyes(videos, tmp_path):
    path = tmp_path / "p01.asc"
    path.write_text(ASC)
    _, gaze = imported("eyelink", path, videos, gaze="samples", **SCREEN)
    lines = (tmp_path / "out/gaze/a.csv").read_text().splitlines()
    assert lines == ["time_ms,x,y,observer", "0,960,540,1", "1,,,1"]
    assert gaze["a"].geometry.distance_cm == 65
    with pytest.raises(
        DatasetError, match="needs the screen: give --screen-px, --screen-cm and --distance-cm"
    ):
        imported("eyelink", path, videos, gaze="samples")


def test_eyelink_onset_by_an_own_message_names_the_video_of_its_trial(videos, tmp_path):
    path = tmp_path / "p02.asc"
    path.write_text(
        ASC.replace("!V VFRAME 1 936 524 videos/a.mp4", "movie on")
        .replace("!V VFRAME 2 936 524 videos/a.mp4", "a frame")
        .replace("MSG\t1400", "MSG\t1399 !V TRIAL_VAR movie b.mp4\nMSG\t1400")
    )
    with pytest.raises(
        DatasetError, match=r"give --onset, a regular expression; its messages are such as: DISPLAY"
    ):
        imported("eyelink", path, videos)
    result, gaze = imported("eyelink", path, videos, onset="^movie on", video_box="centre")
    assert dict(result.videos) == {"b": 1}
    assert list(gaze["b"].frame) == [0, 2]
    with pytest.raises(ConfigError, match="`onset` must be a regular expression but is '\\('"):
        imported("eyelink", path, videos, onset="(")


def test_eyelink_agrees_with_pymovements(videos, tmp_path):
    pymovements = pytest.importorskip("pymovements")
    path = tmp_path / "p01.asc"
    path.write_text(
        ASC.replace("LEFT RIGHT", "RIGHT")
        .replace("LEFT\tRIGHT", "RIGHT")
        .replace("  100.0\t  200.0\t  300.0\t", "")
        .replace("   .\t   .\t    0.0\t   .", "   .")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the short file lacks
        theirs = pymovements.gaze.from_asc(path, messages=True)
    options = ImportOptions(gaze="samples")
    (ours,), (same,) = (
        read_sessions(path, "eyelink", options),
        read_sessions(theirs, "pymovements", options),
    )
    assert np.array_equal(ours.gaze.time, same.gaze.time)
    assert np.array_equal(ours.gaze.x, same.gaze.x, equal_nan=True)
    assert [text for _, text in same.messages][-1] == [text for _, text in ours.messages][-1]


def test_tobii_fixations_and_samples(videos, tmp_path):
    path = tmp_path / "export.tsv"
    path.write_text("\ufeff" + TOBII)
    result, gaze = imported("tobii", path, videos)
    assert result.observers == ["Anna"]
    assert "as large as the screen allows" in result.notes[0]
    # fit: 48x32 on 1920x1080 is 1620x1080 from 150 on; 960, 540 is the middle
    assert list(zip(gaze["a"].frame, gaze["a"].x, gaze["a"].y, strict=True)) == [
        (1, 24, 16), (3, pytest.approx((480 - 150) / 33.75), 8),
    ]  # fmt: skip
    _, gaze = imported("tobii", path, videos, gaze="samples")
    assert list(gaze["a"].frame) == [0, 2]  # the tracker's own judgement of samples
    path.write_text(TOBII.replace("960\t540\tFixation", "960,5\t540\tFixation"))
    place = (
        r"export.tsv, line 4, column `Gaze point X \[DACS px\]`: expected a number but found '960,5'; write"
    )
    with pytest.raises(DatasetError, match=place):
        imported("tobii", path, videos, gaze="samples")


def test_gazepoint_counts_from_the_medium_and_refuses_fixations_alone(videos, tmp_path):
    header = (
        "MEDIA_ID,MEDIA_NAME,CNT,TIME(2026/01/02 10:00:00.000),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,USER,"
    )
    rows = ["0,intro,1,0.5,.1,.1,.4,.1,1,1,,", "1,a,2,1.000,.5,.5,1.010,.010,2,1,,"]
    rows += ["1,a,3,1.050,.5,.5,1.010,.060,2,1,,", "1,a,4,1.090,.9,.9,1.080,.01,3,0,,"]
    path = tmp_path / "Ben_all_gaze.csv"
    path.write_text("\n".join([header, *rows]))
    _, gaze = imported("gazepoint", path, videos, screen_px=(1620.0, 1080.0))
    # 1010 ms is 10 ms after the first row of the medium; 60 ms long, so that the frame at 40 ms is covered
    assert list(zip(gaze["a"].frame, gaze["a"].x, strict=True)) == [(1, 24)]
    path.write_text("\n".join([header, "1,a,2,1.070,.5,.5,1.010,.060,2,1,,"]))
    with pytest.raises(DatasetError, match="lists fixations alone, so that nothing tells when a video began"):
        imported("gazepoint", path, videos, screen_px=(1620.0, 1080.0))


def test_pupil_labs_exports_take_their_events_from_the_file_beside(videos, tmp_path):
    base = 1_700_000_000_000_000_000
    neon = tmp_path / "neon"
    neon.mkdir()
    (neon / "events.csv").write_text(f"recording id,timestamp [ns],name,type\nr1,{base},video.a,recording\n")
    (neon / "fixations.csv").write_text(
        "section id,recording id,fixation id,start timestamp [ns],end timestamp [ns],duration [ms],"
        "fixation detected on surface,fixation x [normalized],fixation y [normalized]\n"
        f"s,r1,1,{base + 30_000_000},{base + 90_000_000},60,true,0.5,0.25\n"
        f"s,r1,2,{base + 90_000_000},{base + 190_000_000},100,false,,\n"
    )
    settings = {"screen_px": (1620.0, 1080.0), "onset": r"^video\.(?P<video>\w+)"}
    result, gaze = imported("neon", neon / "fixations.csv", videos, **settings)
    assert result.observers == ["r1"]
    assert list(zip(gaze["a"].frame, gaze["a"].x, gaze["a"].y, strict=True)) == [(1, 24, 8), (2, 24, 8)]
    core = tmp_path / "exports/surfaces"
    core.mkdir(parents=True)
    (core.parent / "annotations.csv").write_text("index,timestamp,label,duration\n0,50.0,video.a,0\n")
    (core / "fixations_on_surface_screen.csv").write_text(
        "world_timestamp,world_index,fixation_id,start_timestamp,duration,dispersion,norm_pos_x,norm_pos_y,"
        "x_scaled,y_scaled,on_surf\n50.04,1,7,50.03,60.0,1,0.5,0.25,0,0,True\n"
        "50.07,2,7,50.03,60.0,1,0.5,0.25,0,0,True\n"
    )
    _, gaze = imported("pupil", core / "fixations_on_surface_screen.csv", videos, **settings)
    assert list(zip(gaze["a"].frame, gaze["a"].y, strict=True)) == [(1, 24), (2, 24)]  # y upwards


def test_psychopy_counts_from_the_centre_in_seconds(videos, tmp_path):
    path = tmp_path / "session.hdf5"
    with h5py.File(path, "w") as file:
        events = file.create_group("data_collection/events")
        names = ["session_id", "time", "start_time", "duration", "average_gaze_x", "average_gaze_y"]
        rows = np.array([(1, 12.13, 12.03, 0.1, 0, 0), (1, 12.2, 12.11, 0.06, -810, 540)], np.float64)
        table = np.rec.fromarrays(rows.T, names=names)
        events.create_dataset("eyetracker/FixationEndEvent", data=table)
        kind = [("session_id", "i4"), ("time", "f4"), ("text", "S40")]
        noted = np.array([(1, 12.0, b"video a.mp4")], kind)
        events.create_dataset("experiment/MessageEvent", data=noted)
        codes = np.array([(1, b"Carla")], [("session_id", "i4"), ("code", "S24")])
        file.create_dataset("data_collection/session_meta_data", data=codes)
    result, gaze = imported("psychopy", path, videos, onset="^video", screen_px=(1620.0, 1080.0))
    assert result.observers == ["Carla"]
    found = list(zip(gaze["a"].frame, gaze["a"].x, gaze["a"].y, strict=True))
    assert found == [(1, 24, 16), (2, 24, 16), (3, 24, 16), (3, 0, 0), (4, 0, 0)]


def test_webcams_have_a_clock_and_a_box_for_each_trial(videos, tmp_path):
    samples = [{"t": 20 * step, "x": 300 + 2 * step, "y": 150} for step in range(12)]
    trials = [
        {"stimulus": ["videos/a.mp4"], "subject": who, "webgazer_data": samples,
         "webgazer_targets": {"#video": {"x": left, "top": 100, "width": 480, "height": 320}}}
        for who, left in (("one", 100), ("two", 60))
    ]  # fmt: skip
    path = tmp_path / "data.json"
    path.write_text(json.dumps([{"rt": 3}, *trials]))
    with pytest.raises(DatasetError, match="needs the screen"):
        imported("webgazer", path, videos)
    table = tmp_path / "realeye.csv"
    table.write_text(
        "participant;stimulus;t;x;y;hit\none;a;30;160;108;1\none;a;60;160;108;1\none;b;70;162;108;0\n"
    )
    _, gaze = imported("table", table, videos, columns={"fixation": "hit"}, screen_px=(324.0, 216.0))
    assert list(gaze["a"].frame) == [0, 1]
    assert (list(gaze["a"].x), len(gaze["b"])) == ([pytest.approx(160 / 6.75)] * 2, 0)


def test_the_command_names_what_it_left_out(videos, tmp_path, capsys):
    good, bad = tmp_path / "p01.asc", tmp_path / "p02.asc"
    good.write_text(ASC)
    bad.write_text(ASC.replace("EFIX R   1050\t1127\t78\t  947.5", "EFIX R   1050\t1127\t78\t  wide"))
    words = ["data", "import", "eyelink", good, bad, "--videos", videos, "-o", tmp_path / "gaze"]
    assert run_line(*words) == 1
    told = capsys.readouterr()
    assert "manifest.csv: 1 video, 1 observer, 1 viewing" in told.out
    assert "p02.asc, line 13, column `x`: expected a number but found 'wide'" in told.err
    assert run_line("data", "check", "manifest", "--root", tmp_path / "gaze", "--gaze") == 0
    with pytest.raises(ConfigError, match=r"manifest.csv exists: replace it with overwrite=true"):
        run_line(*words)
    with pytest.raises(DatasetError, match=r"nothing could be imported: .*no\.asc"):
        run_line("data", "import", "eyelink", tmp_path / "no.asc", "--videos", videos, "-o", tmp_path / "x")


def test_what_is_no_export_is_refused_in_one_line(videos, tmp_path):
    binary = tmp_path / "p01.edf"
    binary.write_bytes(b"SR_RESEARCH\0\0\n" * 10)
    for form, text in (
        ("eyelink", "convert the recording"),
        ("tobii", "cannot be read as CSV|expected a column"),
        ("psychopy", "no readable HDF5"),
        ("webgazer", "cannot be read as JSON"),
    ):
        with pytest.raises(DatasetError, match=text) as told:
            imported(form, binary, videos)
        assert "\n" not in str(told.value)
    screen = tmp_path / "p02.asc"
    screen.write_text(ASC.replace("0 0 1919 1079", f"0 0 {'9' * 400} 1079"))
    with pytest.raises(DatasetError, match=r"p02.asc, line 3: expected a screen in pixels"):
        imported("eyelink", screen, videos)
    page = {"webgazer_data": [{"t": 1, "x": 2, "y": 3}], "webgazer_targets": {"#v": {"x": 10**400}}}
    (tmp_path / "data.json").write_text(json.dumps([page]))
    with pytest.raises(DatasetError, match=r"data.json, trial 0: expected t, x and y as numbers"):
        imported("webgazer", tmp_path / "data.json", videos)
    with pytest.raises(ConfigError, match="unknown format 'smi'"):
        imported("smi", binary, videos)
