#!/bin/sh
# Numba's cache was filled when the image was built, but Numba also wants to write beside it: for kernels that
# another kind of processor needs. The root file system may be read-only, so the cache is copied first.
set -eu
if ! mkdir -p "$NUMBA_CACHE_DIR" 2>/dev/null; then
  echo "Cannot write $NUMBA_CACHE_DIR: with a read-only root file system, mount a tmpfs or volume on /tmp." >&2
  exit 1
fi
cp -Rn /opt/kullback/numba/. "$NUMBA_CACHE_DIR"
exec kullback "$@"
