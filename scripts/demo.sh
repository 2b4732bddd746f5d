#!/usr/bin/env bash
# Makes .venv and installs avsal (first time only), predicts the bundled clip with its sound, says where the film lies.
#   bash scripts/demo.sh [FILM]
film="${1:-}"
[ -n "$film" ] && film="$(realpath "$film")"
. "$(dirname "$0")/environment.sh"
arguments=("${film:-avsal/assets/demo.mp4}" --output demo_output --save overlay,csv --overwrite)
if ! compgen -G "avsal/checkpoints/tsfpnet_av*.safetensors" >/dev/null; then
    echo "No trained weights ship with this version: the demo runs the network with random ones (--untrained),"
    echo "so its film shows that everything works, and not where people look."
    arguments+=(--untrained --every 8)
fi
.venv/bin/avsal predict "${arguments[@]}"
echo
echo "Watch demo_output/*_overlay.mp4: the film, its saliency painted over it, and its original sound."
