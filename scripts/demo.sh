#!/usr/bin/env bash
# Makes .venv and installs avsal (first time only), predicts the bundled clip with its sound, finds out what the sound
# does to the map, and says where film and report lie.
#   bash scripts/demo.sh [FILM WITH SOUND]
film="${1:-}"
[ -n "$film" ] && film="$(realpath "$film")"
. "$(dirname "$0")/environment.sh"
film="${film:-avsal/assets/demo.mp4}"
.venv/bin/avsal predict "$film" --output demo_output --save overlay,csv --overwrite
.venv/bin/avsal ablate "$film" --output demo_output --overwrite
echo
echo "Watch demo_output/*_overlay.mp4: the film, its saliency painted over it, and its original sound."
echo "Open demo_output/*_report.html in a browser: the same film heard in six ways, all on one clock."
