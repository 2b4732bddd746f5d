"""Headless Chromium for tests, driven by its own protocol over a pipe: nothing but the browser is needed."""

import json
import os
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: what is known of the players, to understand a failure by
PLAYERS = (
    "[...document.querySelectorAll('video')].map((video) => [video.currentTime, video.duration, "
    "video.readyState, video.paused, video.seeking, video.error && video.error.message])"
)


def find_chromium():
    """The path of a browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One page of a browser; a context manager.

    Attributes:
        requests: addresses that the page asked for, `data:` ones left out.
        errors: what scripts threw and the console complained about.
    """

    def __init__(self, seconds=60):
        self.seconds, self.requests, self.errors = seconds, [], []
        self._number, self._rest = 0, b""

    def __enter__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        (their_input, self._out), (self._in, their_output) = os.pipe(), os.pipe()

        def place():  # the browser reads descriptor 3 and writes descriptor 4
            os.dup2(their_input, 30)
            os.dup2(their_output, 31)
            os.dup2(30, 3)
            os.dup2(31, 4)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio"]
        flags += ["--no-first-run", "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [find_chromium(), *flags, f"--user-data-dir={self._profile.name}", "about:blank"],
            preexec_fn=place,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_input)
        os.close(their_output)
        os.set_blocking(self._in, False)
        self._session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def call(self, method, **parameters):
        """Send a command and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _receive(self):
        end = time.monotonic() + self.seconds
        while b"\0" not in self._rest:
            try:
                piece = os.read(self._in, 1 << 20)
                assert piece, "the browser has gone"
                self._rest += piece
            except BlockingIOError:
                assert time.monotonic() < end, "the browser does not answer"
                time.sleep(0.01)
        line, _, self._rest = self._rest.partition(b"\0")
        event = json.loads(line)
        self._note(event.get("method"), event.get("params", {}))
        return event

    def _note(self, method, parameters):
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith("data:"):
                self.requests.append(url)
        elif method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"].get("text", "exception"))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])

    def open(self, path):
        """Load a file and wait until it is complete."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && document.body !== null")

    def run(self, script):
        """The value of an expression in the page; promises are waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script):
        """Until an expression is true."""
        end = time.monotonic() + self.seconds
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}; players: {self.run(PLAYERS)}"
            time.sleep(0.05)

    def press(self, key, text=""):
        """A key, as a person presses it."""
        code = {" ": 32, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9}[key]
        common = {"key": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)
