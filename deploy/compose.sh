#!/bin/sh
# The whole service on this machine, with one command: new secrets in deploy/.env on the first run, then
# everything built, started and awaited. With arguments: `docker compose` with them (ps, logs, down …).
set -eu
cd "$(dirname "$0")"
if [ ! -e .env ]; then
  umask 077
  while IFS= read -r line; do
    case $line in
    *=GENERATE) printf '%s=%s\n' "${line%=GENERATE}" "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
    esac
  done <compose.env.example >.env.new
  mv .env.new .env
fi
[ $# -gt 0 ] || set -- up --build --wait
exec docker compose --file compose.yaml --env-file .env "$@"
