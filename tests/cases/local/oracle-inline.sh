# The same without FUSE passthrough: every read and write goes through the worker.
PASSTHROUGH='passthrough = no'
. "$REPO/tests/cases/local/oracle.sh"
