#!/usr/bin/env bash
# Trains the default model from nothing: bash weights/train.sh MESHES OUT [cpu|cuda]
#
# MESHES/train, MESHES/choice, MESHES/report: textured meshes (.glb, .stl, ..), no object in two of them. `choice` sets the
# threshold and chose the settings of this file; `report` measures and nothing else.
# MESHES/more: further meshes to learn normal shapes from, colour not needed. The model card says what the shipped model
# saw. A killed run goes on where it was when the same command is given again.
# Smaller runs through the environment: TUNE_STEPS, RETUNE_STEPS, TEACH_STEPS, RANK_STEPS, RANK_BATCH, RANK_POOL (0.5 MB a
# view on the device), STEP_STEPS, STAGE_SCANS, CALIBRATION_SCANS, REPORT_SCANS.
set -euo pipefail
meshes=$1 out=$2 device=${3:-auto}
here=$(cd "$(dirname "$0")" && pwd)
jobs=$(nproc)
mkdir -p "$out"

# The rendering tower and its two prompts, on an endless stream of generated parts and meshes with injected defects.
[ -e "$out/tuned.safetensors" ] || align3d tune --imagenet "$here/imagenet-lite0.safetensors" \
    --from "$meshes/train" --mesh-share 0.45 --steps "${TUNE_STEPS:-6000}" --samples-per-step 1.3 --pool-views 54000 \
    --seed 0 --jobs "$jobs" --device "$device" --out "$out/tuned.safetensors"

# Noise of every scale and more shapes, on small batches; a little of it in the mean takes the new and keeps the old.
[ -e "$out/retuned.safetensors" ] || align3d tune --start "$out/tuned.safetensors" --from "$meshes/train" \
    --from "$meshes/more" --mesh-share 0.6 --steps "${RETUNE_STEPS:-3200}" --batch 16 --crop 224 --frozen-stages 3 \
    --frozen-norms --learning-rate 4e-4 --wave-share 0.3 --samples-per-step 0.5 --warm-samples 120 --pool-views 4000 \
    --seed 11 --jobs "$jobs" --device "$device" --out "$out/retuned.safetensors"
[ -e "$out/mean.safetensors" ] || align3d weights average "$out/tuned.safetensors" "$out/retuned.safetensors" \
    --share 0.85 --share 0.15 --out "$out/mean.safetensors"

# The same once more, held by a teacher: what the mean says of a view without its added noise, the student learns to say.
[ -e "$out/taught.safetensors" ] || align3d tune --start "$out/mean.safetensors" --teacher "$out/mean.safetensors" \
    --teacher-weight 10 --from "$meshes/train" --from "$meshes/more" --mesh-share 0.6 --steps "${TEACH_STEPS:-2000}" \
    --batch 16 --crop 224 --frozen-stages 3 --frozen-norms --learning-rate 4e-4 --wave-share 0.3 \
    --samples-per-step 0.5 --warm-samples 120 --pool-views 4000 --seed 42 --jobs "$jobs" --device "$device" \
    --out "$out/taught.safetensors"
[ -e "$out/calm.safetensors" ] || align3d weights average "$out/mean.safetensors" "$out/taught.safetensors" \
    --share 0.5 --share 0.5 --out "$out/calm.safetensors"

# Views rolled as for scoring, and whole scans in order: two students, one held by a teacher and one free.
rank() {
    align3d tune --start "$out/calm.safetensors" --rank-weight 0.6 --from "$meshes/train" --from "$meshes/more" \
        --mesh-share 0.6 --steps "${RANK_STEPS:-1560}" --batch "${RANK_BATCH:-108}" --frozen-norms --learning-rate 6e-4 \
        --wave-share 0.3 --samples-per-step 5.3 --warm-samples 150 --pool-views "${RANK_POOL:-72000}" --jobs "$jobs" \
        --device "$device" "$@"
}
[ -e "$out/held.safetensors" ] || rank --teacher "$out/calm.safetensors" --teacher-weight 5 --seed 100 \
    --out "$out/held.safetensors"
[ -e "$out/free.safetensors" ] || rank --seed 101 --out "$out/free.safetensors"
[ -e "$out/tower.safetensors" ] || align3d weights average "$out/calm.safetensors" "$out/held.safetensors" \
    "$out/free.safetensors" --share 0.34 --share 0.33 --share 0.33 --out "$out/tower.safetensors"

# Long, thin, stepped parts, whose healthy edges the tower took for defects, held by itself.
[ -e "$out/stepped.safetensors" ] || align3d tune --start "$out/tower.safetensors" --teacher "$out/tower.safetensors" \
    --teacher-weight 5 --from "$meshes/train" --mesh-share 0.35 --steps "${STEP_STEPS:-2400}" --batch 16 --crop 224 \
    --frozen-stages 3 --frozen-norms --learning-rate 4e-4 --wave-share 0.2 --samples-per-step 0.4 --warm-samples 100 \
    --pool-views 6000 --seed 201 --jobs "$jobs" --device "$device" --out "$out/stepped.safetensors"
[ -e "$out/steady.safetensors" ] || align3d weights average "$out/tower.safetensors" "$out/stepped.safetensors" \
    --share 0.5 --share 0.5 --out "$out/steady.safetensors"

# The two stages of the paper, on coloured full scans of the same meshes.
align3d synth --out "$out/stage" --from "$meshes/train" -n "${STAGE_SCANS:-64}" --seed 7 --points 30000 --mode full
for seed in 111 112 113 114 115; do
    [ -e "$out/aligned$seed.safetensors" ] || align3d align --dataset folder --root "$out/stage" --split all \
        --model "$out/steady.safetensors" --epochs 30 --tokens-per-view 800 --seed "$seed" --device "$device" \
        --store "$out/features" --out "$out/aligned$seed.safetensors"
    [ -e "$out/prompted$seed.safetensors" ] || align3d prompt-train --dataset folder --root "$out/stage" --split all \
        --aligner "$out/aligned$seed.safetensors" --keep-rendering --epochs 4 --map-px 160 --seed "$seed" \
        --device "$device" --store "$out/features" --out "$out/prompted$seed.safetensors"
done

# One seed is lucky and the next is not: the mean of their RGB prompts is neither. It goes with the first aligner.
[ -e "$out/prompted.safetensors" ] || align3d weights average "$out"/prompted11?.safetensors \
    --out "$out/prompted.safetensors"

# Threshold, score and colours, on objects that neither trained the model nor measure it, scanned in three ways.
align3d synth --out "$out/made/synth" --from "$meshes/choice" -n "${CALIBRATION_SCANS:-270}" --seed 12 --mode both
[ -e "$out/made/plain" ] || python "$here/../benchmarks/plain_defects.py" --from "$meshes/choice" --seed 101 --out "$out/made/plain"
[ -e "$out/made/whole" ] || python "$here/../benchmarks/whole_defects.py" --from "$meshes/choice" --seed 102 --out "$out/made/whole"
mkdir -p "$out/calibration"
for folder in "$out"/made/*/*/; do
    ln -sfn "$(realpath "$folder")" "$out/calibration/$(basename "$(dirname "$folder")")-$(basename "$folder")"
done
align3d calibrate --model "$out/prompted.safetensors" --root "$out/calibration" --false-alarm-rate 0.1 \
    --wide-weight 0.3333 --view-power 2 --device "$device" --force --out "$out/align3d-lite.safetensors"

# The figures.
align3d synth --out "$out/report" --from "$meshes/report" -n "${REPORT_SCANS:-168}" --seed 11 --mode organised
align3d benchmark --dataset folder --root "$out/report" --model "$out/align3d-lite.safetensors" \
    --methods curvature --methods pointad --methods rgb --methods align3d
