"use strict";
// One clock for each group of players: the video that is heard leads, the others are brought to its time.
for (const group of document.querySelectorAll(".players")) {
  const videos = [...group.querySelectorAll("video")];
  const heard = videos.filter((video) => video.closest(".cell").querySelector("input"));
  const button = group.querySelector("button.play");
  const slider = group.querySelector("input[type=range]");
  const shown = group.querySelector(".time");
  const playheads = [...group.querySelectorAll(".playhead")];
  const seconds = Number(group.dataset.seconds);
  const frame = 1 / Number(group.dataset.frameRate);
  let leader = heard[0];
  let playing = false;
  let wanted = 0;

  const length = () => Math.min(...videos.map((video) => video.duration || Infinity));
  const last = () => Math.max(0, (Number.isFinite(length()) ? length() : 0) - frame / 2);
  const clip = (time) => Math.min(Math.max(0, time), last());
  const show = () => {
    const time = playing ? leader.currentTime : wanted;
    slider.max = String(last());
    slider.value = String(time);
    slider.setAttribute("aria-valuetext", time.toFixed(2) + " seconds");
    shown.textContent = time.toFixed(2) + " / " + (Number.isFinite(length()) ? length().toFixed(2) : "?") + " s";
    button.textContent = playing ? "Pause" : "Play";
    for (const line of playheads) line.style.left = Math.min(100, (100 * time) / seconds) + "%";
  };
  const seek = (time) => {
    wanted = clip(time);
    for (const video of videos) video.currentTime = wanted;
    show();
  };
  const pause = () => {
    playing = false;
    for (const video of videos) {
      video.pause();
      video.playbackRate = 1;
    }
    // pictures are shown at frame starts: all stop within the same one
    seek(Math.floor(leader.currentTime / frame + 1e-6) * frame + frame / 2);
  };
  const step = () => {
    if (!playing) return;
    if (leader.ended || leader.currentTime >= last()) {
      pause();
      return;
    }
    for (const video of videos) {
      const behind = leader.currentTime - video.currentTime;
      if (video === leader) continue;
      // a seek costs more than it mends unless the video is far off; else it catches up in about a quarter second
      if (Math.abs(behind) > 0.5) video.currentTime = leader.currentTime;
      video.playbackRate = Math.min(2, Math.max(0.5, 1 + 4 * behind));
    }
    show();
    requestAnimationFrame(step);
  };
  const play = () => {
    if (wanted >= last() - frame) seek(0);
    playing = true;
    show();
    for (const video of videos) video.play().catch(() => {});
    requestAnimationFrame(step);
  };
  const toggle = () => (playing ? pause() : play());
  const hear = (video) => {
    const time = leader.currentTime;
    leader = video;
    video.playbackRate = 1;
    for (const other of videos) other.muted = other !== video;
    for (const other of heard) {
      other.closest(".cell").classList.toggle("heard", other === video);
      other.closest(".cell").querySelector("input").checked = other === video;
    }
    if (playing) video.currentTime = time;
  };

  button.addEventListener("click", toggle);
  slider.addEventListener("input", () => {
    const time = Number(slider.value); // before pausing moves the slider
    if (playing) pause();
    seek(time);
  });
  const jump = (time) => {
    if (playing) pause();
    seek(Math.floor(time / frame + 1e-6) * frame + frame / 2);
  };
  const timeline = group.querySelector(".timeline");
  if (timeline)
    timeline.addEventListener("click", (event) => {
      const box = timeline.getBoundingClientRect();
      jump((seconds * (event.clientX - box.left)) / box.width);
    });
  for (const moment of group.querySelectorAll(".moment"))
    moment.addEventListener("click", () => jump(Number(moment.dataset.time)));
  for (const video of videos) video.addEventListener("loadedmetadata", show);
  for (const video of heard) {
    video.addEventListener("click", () => hear(video));
    video.closest(".cell").querySelector("input").addEventListener("change", () => hear(video));
  }
  group.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.matches("input[type=radio]") && event.key.startsWith("Arrow")) return;
    if (event.key === " " && !event.target.matches("button")) toggle();
    else if (event.key === "ArrowRight") seek(now() + frame);
    else if (event.key === "ArrowLeft") seek(now() - frame);
    else if (event.key === "Home") seek(0);
    else if (event.key === "End") seek(last());
    else return;
    event.preventDefault();
  });
  const now = () => {
    if (playing) pause();
    return wanted;
  };
  hear(leader);
  show();
}
