"""The catalogue against a server on loopback: right file, wrong hash, cut connection, no connection."""

import dataclasses
import hashlib
import http.server
import re
import threading

import pytest

from avsal.errors import CheckpointError, ConfigError
from avsal.weights import CATALOGUE, CatalogueEntry, cache_folder, fetch
from avsal.weights.catalogue import fetched

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT as the test's server says: with ranges or without, cut after some bytes."""

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        if self.path != "/weights.pth":
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.takes_ranges else 0
        if start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        rest = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        self.wfile.write(rest if cut is None else rest[:cut])
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    """A server on loopback, whose behaviour a test may set."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.cuts, server.ranges, server.takes_ranges = CONTENT, [], [], True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def entry(server, tmp_path, monkeypatch):
    """A catalogue entry on that server, and an empty cache."""
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    address = f"http://127.0.0.1:{server.server_port}/weights.pth"
    entry = CatalogueEntry("test", "tests", "s3d", "MIT", address, "weights.pth", len(CONTENT), SHA256)
    monkeypatch.setitem(CATALOGUE, "test", entry)
    return entry


def change(monkeypatch, entry, **values):
    monkeypatch.setitem(CATALOGUE, "test", dataclasses.replace(entry, **values))


def refusal(kind=CheckpointError) -> str:
    with pytest.raises(kind) as caught:
        fetch("test")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in cache_folder().iterdir()}


@pytest.mark.parametrize("known", [SHA256, SHA256[:8]])
def test_the_right_file_is_fetched_once_and_checked_each_time(known, entry, server, monkeypatch):
    change(monkeypatch, entry, sha256=known)
    path = fetch("test")
    assert path == cache_folder() / "weights.pth"
    assert files() == {"weights.pth": CONTENT}
    assert fetch("test") == fetched("test") == path
    assert server.ranges == [None]
    path.write_bytes(CONTENT[:-1] + b"x")
    assert "expected SHA-256" in refusal()
    with pytest.raises(CheckpointError, match="expected SHA-256"):
        fetched("test")


def test_a_file_of_a_git_repository_is_checked_by_its_name_there(entry, server, monkeypatch):
    """`git hash-object` of five letters and a new line gives these digits."""
    known = "ce013625030ba8dba906f756967f9e9ca394464a"
    server.content = b"hello\n"
    change(monkeypatch, entry, sha256=None, git_blob=known, size=6)
    path = fetch("test")
    assert path.read_bytes() == b"hello\n"
    path.write_bytes(b"jello\n")
    assert f"expected git object {known}, found " in refusal()


def test_a_file_with_another_hash_is_thrown_away(entry, server):
    server.content = CONTENT[:-1] + b"x"
    message = refusal()
    assert f"expected SHA-256 {SHA256}" in message
    assert f"found {hashlib.sha256(server.content).hexdigest()}" in message
    assert files() == {}


def test_a_cut_connection_is_taken_up_where_it_ended(entry, server):
    server.cuts = [300_000, 1, 500_000]
    assert fetch("test").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=300000-", "bytes=800000-"]


def test_a_download_goes_on_in_a_later_call(entry, server):
    server.cuts = [400_000, 0, 0, 0, 0, 0]
    message = refusal()
    assert "fetch again to go on where it ended" in message
    assert files() == {"weights.pth.part": CONTENT[:400_000]}
    assert fetch("test").read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=400000-"
    assert files() == {"weights.pth": CONTENT}


def test_a_server_without_ranges_sends_the_whole_file_again(entry, server):
    server.cuts, server.takes_ranges = [400_000], False
    assert fetch("test").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_part_that_is_already_whole_is_only_checked(size, entry, server, monkeypatch):
    change(monkeypatch, entry, size=size)
    cache_folder().mkdir()
    (cache_folder() / "weights.pth.part").write_bytes(CONTENT)
    assert fetch("test").read_bytes() == CONTENT
    assert server.ranges == ([] if size else [f"bytes={len(CONTENT)}-"])


def test_a_part_that_is_longer_than_the_file_is_fetched_anew(entry, server, monkeypatch):
    change(monkeypatch, entry, size=None)
    cache_folder().mkdir()
    (cache_folder() / "weights.pth.part").write_bytes(CONTENT + b"more")
    assert fetch("test").read_bytes() == CONTENT


def test_more_than_the_published_size_is_not_taken(entry, server, monkeypatch):
    server.content = CONTENT * 2
    assert "is not of the size that it should be" in refusal()
    assert files() == {}


def test_a_wrong_address_says_what_the_server_says(entry, server, monkeypatch):
    change(monkeypatch, entry, source=entry.source.replace("weights.pth", "gone.pth"))
    assert "the server says 404" in refusal()


def test_without_a_connection_it_says_which_file_to_bring_and_where_to_put_it(entry, monkeypatch):
    change(monkeypatch, entry, source="http://127.0.0.1:9/weights.pth")  # nobody listens on the discard port
    message = refusal()
    assert "http://127.0.0.1:9/weights.pth was not fetched whole (ConnectError)" in message
    assert "bring weights.pth from there" in message
    assert f"put it at {cache_folder() / 'weights.pth'}" in message
    cache_folder().mkdir(exist_ok=True)
    (cache_folder() / "weights.pth").write_bytes(CONTENT)
    assert fetch("test") == cache_folder() / "weights.pth"


def test_a_cache_that_cannot_be_written_is_said(entry, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path / "file"))
    assert "cannot be fetched to" in refusal()


def test_a_file_without_a_published_hash_is_to_be_brought_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("AVSAL_CACHE", str(tmp_path))
    place = tmp_path / "S3D_kinetics400.pt"
    for call in (fetch, fetched):
        with pytest.raises(CheckpointError) as caught:
            call("s3d_kinetics")
        assert "https://github.com/kylemin/S3D" in str(caught.value)
        assert str(place) in str(caught.value)
    place.write_bytes(b"brought")
    assert fetch("s3d_kinetics") == fetched("s3d_kinetics") == place


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="expected one of s3d_kinetics, s3d_torchvision"):
        fetch("s3d_imagenet")


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("AVSAL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "avsal"


def test_the_catalogue_is_honest():
    for name, entry in CATALOGUE.items():
        assert entry.name == name
        assert entry.licence
        if entry.git_blob:
            assert re.fullmatch("[0-9a-f]{40}", entry.git_blob)
            assert re.search("/[0-9a-f]{40}/", entry.source)  # of a commit, whose files do not change
            assert entry.source.endswith(f"/{entry.file}")
            assert entry.sha256 is None
        if entry.sha256:
            assert re.fullmatch("[0-9a-f]{8}|[0-9a-f]{64}", entry.sha256)
            assert entry.source.endswith(f"{entry.sha256[:8]}.pth")  # the publisher's own digits
            assert entry.source.endswith(entry.file)
        else:
            assert entry.size is None
