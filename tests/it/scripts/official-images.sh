#!/usr/bin/env bash
# Makes images under the names that docker-compose.yml has for other people's servers, of the programs of this machine: for a Docker that reaches no
# registry. What the file says to an image (its variables, its ports, its volumes) they understand as the official ones do.
#
#   official-images.sh DAPRD KAFKA-ARCHIVES ZIPKIN-ARCHIVE
set -euo pipefail
DAPRD=$1 KAFKA=$2 ZIPKIN=$3

STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT

# A new, empty root with the users of the images.
anew() {
  rm -rf "${STAGE:?}"/*
  mkdir -p "$STAGE"/{etc,tmp,usr/{bin,sbin,lib,lib64}}
  # As it is on Debian, where programs and libraries go by both names.
  ln -s usr/{bin,sbin,lib,lib64} "$STAGE/"
  chmod 1777 "$STAGE/tmp"
  printf '%s\n' root:x:0:0::/:/bin/sh postgres:x:999:999::/var/lib/postgresql:/bin/sh redis:x:998:998::/data:/bin/sh user:x:1000:1000::/:/bin/sh >"$STAGE/etc/passwd"
  printf '%s\n' root:x:0: postgres:x:999: redis:x:998: user:x:1000: >"$STAGE/etc/group"
}

# program PATH: a program of the root, from standard input.
program() {
  mkdir -p "$STAGE/$(dirname "$1")"
  cat >"$STAGE/$1"
  chmod 755 "$STAGE/$1"
}

# image NAME CHANGE... -- FILE...: of the root and files of this machine, at the paths that they have here, each with the libraries that it needs.
image() {
  local name=$1 changes=() files=()
  shift
  until [[ $1 == -- ]]; do changes+=(--change "$1"); shift; done
  shift
  # What leads nowhere, as Java's link to its own source does, stays out.
  mapfile -t files < <(find -L "$@" -type f ! -name 'llvmjit*' ! -name '*.jmod' ! -path '/usr/share/zoneinfo/*/*/*')
  mapfile -t files < <({ printf '%s\n' "${files[@]}"; ldd "${files[@]}" 2>/dev/null | sed -nE 's/^[^/]*(\/[^ :]+\.so[^ :]*) .*/\1/p'; } | sort -u)
  cp --dereference --parents "${files[@]}" "$STAGE" 2> >(grep -v "more than once" >&2)
  tar --create --directory "$STAGE" . | docker import "${changes[@]}" - "$name" >/dev/null
}

need() { type -P "$@"; }
mapfile -t SHELL_PROGRAMS < <(need bash sh sed grep)
java=$(dirname "$(dirname "$(readlink -f "$(need java)")")")
for postgres in /usr/lib/postgresql/*; do :; done # the newest

anew
install "$DAPRD" "$STAGE/daprd"
image daprio/daprd:1.18.2 'ENTRYPOINT ["/daprd"]' -- /etc/ssl/certs/ca-certificates.crt

anew
mkdir -p "$STAGE"/var/{lib/postgresql/data,run/postgresql}
program usr/local/bin/docker-entrypoint.sh <<'END'
#!/bin/bash
# As the official one: as root the folders become the server's, and it starts anew as that; an empty folder gets a cluster.
set -euo pipefail
if [[ $1 == postgres ]]; then
  if ((EUID == 0)); then
    POSTGRES_PASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD
    chown -R postgres "$PGDATA" /var/run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups "$0" "$@"
  fi
  if [[ ! -s $PGDATA/PG_VERSION ]]; then
    initdb --username=postgres --pwfile=<(echo "$POSTGRES_PASSWORD")
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  fi
fi
exec "$@"
END
mapfile -t more < <(need setpriv chown chmod)
image postgres:17 'ENTRYPOINT ["docker-entrypoint.sh"]' 'VOLUME /var/lib/postgresql/data' 'ENV PGDATA=/var/lib/postgresql/data' \
  "ENV PATH=$postgres/bin:/usr/local/bin:/usr/bin:/bin" 'ENV LANG=C.UTF-8' -- \
  "${SHELL_PROGRAMS[@]}" "${more[@]}" "$postgres" "/usr/share/postgresql/${postgres##*/}" /usr/share/zoneinfo /usr/lib/locale/C.utf8

anew
mkdir "$STAGE/data"
program usr/local/bin/docker-entrypoint.sh <<'END'
#!/bin/bash
# As the official one: as root the data becomes the server's, and it starts as that.
set -euo pipefail
if [[ $1 == redis-server ]] && ((EUID == 0)); then
  chown -R redis .
  exec setpriv --reuid redis --regid redis --clear-groups "$0" "$@"
fi
exec "$@"
END
mapfile -t more < <(need setpriv chown redis-server redis-cli)
image redis:7 'ENTRYPOINT ["docker-entrypoint.sh"]' 'VOLUME /data' 'WORKDIR /data' 'ENV PATH=/usr/local/bin:/usr/bin:/bin' -- \
  "${SHELL_PROGRAMS[@]}" "${more[@]}"

anew
mkdir -p "$STAGE"/{opt/kafka/libs,var/lib/kafka/data,etc/kafka/docker}
cp "$KAFKA"/*.jar "$STAGE/opt/kafka/libs/"
program etc/kafka/docker/run <<'END'
#!/bin/bash
# As the official one: each KAFKA_SOME_NAME is the setting some.name, and an empty folder is formatted for the cluster.
set -euo pipefail
for name in "${!KAFKA_@}"; do
  case $name in KAFKA_HEAP_OPTS | KAFKA_OPTS) continue ;; esac
  setting=${name#KAFKA_} setting=${setting,,}
  printf '%s=%s\n' "${setting//_/.}" "${!name}"
done >/tmp/server.properties
read -ra options <<<"$KAFKA_HEAP_OPTS"
java=(java "${options[@]}" -Dlog4j2.level=WARN -cp '/opt/kafka/libs/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id "$CLUSTER_ID" --config /tmp/server.properties
exec "${java[@]}" kafka.Kafka /tmp/server.properties
END
chown -R 1000:1000 "$STAGE/var/lib/kafka"
image apache/kafka:4.1.1 'CMD ["/etc/kafka/docker/run"]' 'USER user' 'VOLUME /var/lib/kafka/data' "ENV PATH=$java/bin:/usr/bin:/bin" \
  'ENV CLUSTER_ID=5L6g3nShT-eMCtK--X86sw' -- "${SHELL_PROGRAMS[@]}" "$java"

anew
cp "$ZIPKIN" "$STAGE/zipkin.jar"
program entrypoint.sh <<'END'
#!/bin/bash
read -ra options <<<"${JAVA_OPTS-}"
exec java "${options[@]}" -jar /zipkin.jar
END
program healthcheck.sh <<'END'
#!/bin/bash
exec 3<>/dev/tcp/localhost/9411
printf 'GET /health HTTP/1.0\r\n\r\n' >&3
grep -q UP <&3
END
image openzipkin/zipkin:3 'ENTRYPOINT ["/entrypoint.sh"]' 'USER user' 'HEALTHCHECK --interval=5s --start-period=30s --timeout=5s CMD ["/healthcheck.sh"]' \
  "ENV PATH=$java/bin:/usr/bin:/bin" -- "${SHELL_PROGRAMS[@]}" "$java"
