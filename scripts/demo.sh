#!/usr/bin/env bash
# Makes .venv and installs avsal (first time only), predicts the bundled clip with its sound, finds out what the sound
# does to the map, and says where video and report lie.
#   bash scripts/demo.sh [VIDEO WITH SOUND]
video="${1:-}"
[ -n "$video" ] && video="$(realpath "$video")"
. "$(dirname "$0")/environment.sh"
# the bundled clip is of drawn objects, which a small network was made for; any other video gets the default
weights=()
[ -n "$video" ] || weights=(--weights tsfpnet_av-small)
video="${video:-avsal/assets/demo.mp4}"
.venv/bin/avsal predict "$video" "${weights[@]}" --output demo_output --save overlay,csv --overwrite
.venv/bin/avsal ablate "$video" "${weights[@]}" --output demo_output --overwrite
echo
echo "Watch demo_output/*_overlay.mp4: the video, its saliency painted over it, and its original sound."
echo "Open demo_output/*_report.html in a browser: the same video heard in six ways, all on one clock."
