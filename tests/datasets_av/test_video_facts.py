import numpy as np
import pytest
import soundfile
from fake_media import write_video, write_wav

from avsal.errors import DatasetError
from datasets_av.video_facts import sound_seconds, video_facts


def test_video_tells_its_size_its_frames_and_whether_it_sounds(tmp_path):
    facts = video_facts(write_video(tmp_path / "a.mp4", num_frames=9, size=(36, 64)))
    assert (facts.size, facts.num_frames, facts.has_sound) == ((36, 64), 9, True)
    assert not video_facts(write_video(tmp_path / "b.avi", sound=False)).has_sound


def test_sound_tells_its_length(tmp_path):
    assert sound_seconds(write_wav(tmp_path / "a.wav", seconds=2.5)) == pytest.approx(2.5)


def test_missing_and_damaged_files_are_one_line_that_names_them(tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"<html>not found</html>" * 50)
    sound_only = tmp_path / "sound.wav"
    write_wav(sound_only)
    for path in (broken, sound_only, tmp_path / "none.mp4"):
        with pytest.raises(DatasetError, match=path.name) as caught:
            video_facts(path)
        assert "\n" not in str(caught.value)
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 22050)
    for path in (broken, empty, tmp_path / "none.wav"):
        with pytest.raises(DatasetError, match=path.name) as caught:
            sound_seconds(path)
        assert "\n" not in str(caught.value)


@pytest.mark.data
def test_real_videos_tell_what_their_list_says(shared_data):
    speaker = video_facts(shared_data / "clips" / "lrs3_ted_speaker.mp4")
    assert speaker.size[1] == 454
    assert speaker.has_sound
    assert not video_facts(shared_data / "mufvet" / "videos" / "071.mp4").has_sound
    assert video_facts(shared_data / "mufvet" / "videos" / "011.mp4").size == (720, 1280)
