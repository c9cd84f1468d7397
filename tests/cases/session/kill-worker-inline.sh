# The same with every read and write going through the worker (no FUSE passthrough).
# limit: 180
# long: fifty kills, and the pauses between them
PASSTHROUGH='passthrough = no' KILLS=50
. "$REPO/tests/cases/session/kill-worker.sh"
