#!/bin/sh
# A whole headquarters on this machine, in one folder, to look at and to break: two brokers,
# PostgreSQL with a streaming standby, two collectors.  Real ones are on machines of their own:
# README.md beside this file says how.
#
#   try.sh up FOLDER [GATEWAY=KEY...]  makes and starts all; KEY is what `garita log key` prints
#   try.sh kill FOLDER NAME         kills broker-1, broker-2, db-1, db-2, hq-1 or hq-2 with SIGKILL
#   try.sh start FOLDER NAME        starts it again
#   try.sh promote FOLDER           makes the standby the database that is written to
#   try.sh status FOLDER            what the collectors say
#   try.sh down FOLDER              stops all; the folder stays
#
# FIRST_PORT (18830) is the first of four ports: broker-1, broker-2, db-1, db-2.
set -eu

fail() {
    echo "try.sh: $1" >&2
    exit 2
}

[ $# -ge 2 ] || fail "say what to do and in which folder; the first lines of this file say how"
here=$(cd "$(dirname "$0")" && pwd)
act=$1 folder=$2
shift 2
garita=${GARITA:-$here/../../.venv/bin/garita}
PATH=$PATH:/usr/sbin

[ "$act" != up ] || mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[ "$act" != up ] || echo "${FIRST_PORT:-18830}" >"$folder/first_port"
first=$(cat "$folder/first_port")
port_of() {
    case $1 in
    broker-1) echo "$first" ;;
    broker-2) echo $((first + 1)) ;;
    db-1) echo $((first + 2)) ;;
    db-2) echo $((first + 3)) ;;
    esac
}
GARITA_PASSWORD_FILE=$folder/garita.password
REPLICATOR_PASSWORD_FILE=$folder/replicator.password
export GARITA_PASSWORD_FILE REPLICATOR_PASSWORD_FILE

in_background() { # NAME COMMAND...: its number is kept in NAME.pid
    name=$1
    shift
    "$@" >>"$folder/$name.log" 2>&1 &
    echo $! >"$folder/$name.pid"
}

answers() { # waits until somebody listens on the port; it is in hexadecimal in the kernel's table
    for _ in $(seq 100); do
        if grep -q "$(printf ': 0100007F:%04X 00000000:0000 0A' "$1")" /proc/net/tcp; then return; fi
        sleep 0.1
    done
    fail "nobody listens on port $1"
}

start() {
    case $1 in
    broker-*)
        mkdir -p "$folder/$1"
        chmod 777 "$folder/$1" # as root mosquitto goes on under an account of its own
        cat >"$folder/$1.conf" <<EOS
listener $(port_of "$1") 127.0.0.1
allow_anonymous true
persistence true
persistence_location $folder/$1/
autosave_interval 30
max_queued_messages 100000
set_tcp_nodelay true
EOS
        in_background "$1" mosquitto -c "$folder/$1.conf"
        ;;
    db-*) "$here/database.sh" start "$folder/$1" ;;
    hq-*) in_background "$1" "$garita" collect -c "$folder/$1.toml" ;;
    *) fail "there is no $1" ;;
    esac
}

number_of() {
    case $1 in
    db-*) head -n 1 "$folder/$1/data/postmaster.pid" 2>/dev/null || true ;;
    *) cat "$folder/$1.pid" 2>/dev/null || true ;;
    esac
}

collector() { # NAME GATEWAY=KEY...
    name=$1
    shift
    {
        echo "name = \"$name\""
        echo "database = \"postgresql://garita@127.0.0.1:$(port_of db-1),127.0.0.1:$(port_of db-2)/garita?target_session_attrs=read-write\""
        echo 'password_file = "garita.password"'
        echo 'lease_s = 5.0'
        echo '[mqtt]'
        echo "brokers = [\"127.0.0.1:$(port_of broker-1)\", \"127.0.0.1:$(port_of broker-2)\"]"
        echo '[mirror]'
        echo 'name = "headquarters.example/garita"'
        for pair in "$@"; do
            echo "[gateways.${pair%%=*}]"
            echo "key = \"${pair#*=}\""
        done
    } >"$folder/$name.toml"
}

case $act in
up)
    umask 077
    for account in garita replicator; do
        head -c 24 /dev/urandom | base64 | tr -d '+/=' >"$folder/$account.password"
    done
    umask 022
    chmod 755 "$folder"
    for name in broker-1 broker-2; do
        start "$name"
        answers "$(port_of "$name")"
    done
    "$here/database.sh" primary "$folder/db-1" "$(port_of db-1)"
    "$here/database.sh" standby "$folder/db-2" "$(port_of db-2)" "$(port_of db-1)"
    for name in hq-1 hq-2; do
        collector "$name" "$@"
        start "$name"
    done
    ;;
kill)
    number=$(number_of "$1")
    [ -n "$number" ] || fail "$1 does not run"
    case $1 in db-*) children=$(cat "/proc/$number/task/$number/children") ;; *) children= ;; esac
    # shellcheck disable=SC2086 # several numbers
    kill -9 $number $children
    # Where nobody collects dead processes (a container), PostgreSQL would take its own for alive.
    case $1 in
    db-*) rm -f "$folder/$1/data/postmaster.pid" "$folder/$1"/.s.PGSQL.* ;;
    *) rm -f "$folder/$1.pid" ;;
    esac
    ;;
start) start "$1" ;;
promote) "$here/database.sh" promote "$folder/db-2" ;;
status) "$garita" collect status -c "$folder/hq-1.toml" ;;
down)
    for name in hq-1 hq-2 broker-1 broker-2; do
        number=$(number_of "$name")
        [ -z "$number" ] || kill "$number" 2>/dev/null || true
        rm -f "$folder/$name.pid"
    done
    for name in db-2 db-1; do
        "$here/database.sh" stop "$folder/$name" 2>/dev/null || true
    done
    ;;
*) fail "not known: $act" ;;
esac
