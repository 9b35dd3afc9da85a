#!/bin/sh
# PostgreSQL for headquarters: a server, a streaming standby of it, and the promotion of the standby.
# For whoever runs the database; README.md beside this file says when to run what.
#
#   database.sh primary FOLDER PORT               makes and starts a new server
#   database.sh standby FOLDER PORT FROM-PORT     copies the server on FROM-PORT and follows it
#   database.sh promote FOLDER                    makes a standby the server that is written to
#   database.sh rejoin  FOLDER PORT FROM-PORT     throws the copy in FOLDER away and copies anew
#   database.sh start|stop|status FOLDER
#
# FROM is taken on 127.0.0.1; set FROM_HOST for another machine, LISTEN for the address to listen on
# (127.0.0.1) and ALLOW for the network that may connect (127.0.0.1/32).  The passwords of the
# accounts `garita` (collectors) and `replicator` (standby) come from the files GARITA_PASSWORD_FILE
# and REPLICATOR_PASSWORD_FILE.
set -eu

listen=${LISTEN:-127.0.0.1}
allow=${ALLOW:-127.0.0.1/32}
from_host=${FROM_HOST:-127.0.0.1}

fail() {
    echo "database.sh: $1" >&2
    exit 2
}

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || fail "PostgreSQL is not here: apt install postgresql"

[ $# -ge 2 ] || fail "say what to do and in which folder; the first lines of this file say how"
act=$1 folder=$2 port=${3:-} from=${4:-}
data=$folder/data

# PostgreSQL does not run as root.
if [ "$(id -u)" = 0 ]; then
    account=${ACCOUNT:-postgres}
    install -d -m 700 -o "$account" "$folder"
    as() { setpriv --reuid="$account" --regid="$account" --init-groups "$@"; }
else
    mkdir -p -m 700 "$folder"
    as() { "$@"; }
fi
cd /

start() {
    as "$bin/pg_ctl" -D "$data" -l "$folder/server.log" -w -t 60 start >/dev/null ||
        fail "it did not start: see $folder/server.log"
}

settings() {
    as tee -a "$data/postgresql.auto.conf" >/dev/null <<EOS
port = $port
listen_addresses = '$listen'
unix_socket_directories = '$folder'
# A standby can be made of each server, and each standby can be read.
wal_level = replica
max_wal_senders = 5
hot_standby = on
# A standby that is away for a while catches up as long as this much is kept; after that: rejoin.
wal_keep_size = ${WAL_KEEP:-1GB}
EOS
}

copy() {
    [ -n "$port" ] && [ -n "$from" ] || fail "say the port of the standby and that of its server"
    PGPASSWORD=$(cat "${REPLICATOR_PASSWORD_FILE:?the password of the account replicator}")
    export PGPASSWORD
    as "$bin/pg_basebackup" -D "$data" -R -X stream -c fast \
        -d "host=$from_host port=$from user=replicator application_name=standby-$port"
    settings
    start
}

case $act in
primary)
    [ -n "$port" ] || fail "say the port"
    [ ! -e "$data" ] || fail "$data exists already"
    garita=$(cat "${GARITA_PASSWORD_FILE:?the password of the account garita}")
    replicator=$(cat "${REPLICATOR_PASSWORD_FILE:?the password of the account replicator}")
    as "$bin/initdb" -D "$data" -U postgres -A peer -E UTF8 --locale C -k >/dev/null
    settings
    as tee "$data/pg_hba.conf" >/dev/null <<EOS
local   all          postgres                  peer map=admin
host    garita       garita,garita_auditor  $allow  scram-sha-256
host    garita       +garita_auditor        $allow  scram-sha-256
host    replication  replicator             $allow  scram-sha-256
EOS
    # The account that runs the server is its administrator, under whatever name.
    as tee "$data/pg_ident.conf" >/dev/null <<EOS
admin  $(as id -un)  postgres
EOS
    start
    as "$bin/psql" -q -v ON_ERROR_STOP=1 -h "$folder" -p "$port" -U postgres \
        -v garita="$garita" -v replicator="$replicator" <<'EOS'
CREATE ROLE garita LOGIN CREATEROLE PASSWORD :'garita';
GRANT pg_read_all_stats TO garita; -- `garita collect status` shows how far the standby lags
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
CREATE DATABASE garita OWNER garita;
EOS
    ;;
standby)
    [ ! -e "$data" ] || fail "$data exists already; rejoin copies anew"
    copy
    ;;
rejoin)
    as "$bin/pg_ctl" -D "$data" -m fast stop >/dev/null 2>&1 || true
    [ ! -e "$data.old" ] || fail "$data.old exists: look whether it is still needed, and remove it"
    [ ! -e "$data" ] || mv "$data" "$data.old"
    copy
    ;;
promote)
    as "$bin/pg_ctl" -D "$data" -w -t 60 promote >/dev/null || fail "it was not promoted"
    ;;
start) start ;;
stop) as "$bin/pg_ctl" -D "$data" -m fast stop >/dev/null ;;
status) as "$bin/pg_ctl" -D "$data" status ;;
*) fail "not known: $act" ;;
esac
