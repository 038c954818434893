#!/usr/bin/env bash
# Reads the manifests of Kafka by Strimzi's own classes, as its operator will: says which property it does not know, which value it does not
# take, what is missing, and what belongs to no Kafka.
#
#   scripts/check-kafka.sh [FILE...]
#
# Without FILE those of k8s/kafka. Needs Java, and Maven the first time. Leaves 18 MB of archives in ~/.cache/outrigger.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/_lib.sh
source "$ROOT/scripts/_lib.sh"
# shellcheck source=scripts/_cluster.sh
source "$ROOT/scripts/_cluster.sh"

case ${1-} in
  -h | --help) help_of "${BASH_SOURCE[0]}"; exit ;;
  -*) die "unknown option $1 (see --help)" ;;
esac
need_tool java "install a Java 17 (Debian: openjdk-17-jre-headless, macOS: brew install openjdk@17)"

# archives: the folder with what scripts/strimzi/pom.xml names. It appears whole or not at all.
archives() {
  local pom=$ROOT/scripts/strimzi/pom.xml folder partial
  folder=$CACHE/strimzi-$(cksum <"$pom" | cut -d ' ' -f 1)
  if [[ ! -d $folder ]]; then
    need_tool mvn "install Maven (Debian: maven, macOS: brew install maven)"
    say "Fetching Strimzi's model from Maven, once per machine: 18 MB, about half a minute." >&2
    partial=$folder.partial-$$
    mvn -q -B -f "$pom" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
      -DincludeScope=runtime "-DoutputDirectory=$partial" >&2 || die "Maven could not fetch it"
    # Another may have been faster; its folder is the same.
    if [[ -d $folder ]]; then rm -rf "$partial"; else mv "$partial" "$folder"; fi
  fi
  printf '%s' "$folder"
}

ARCHIVES=$(archives)
if (($# == 0)); then set -- "$ROOT"/k8s/kafka/kafka-*.yaml; fi
exec java -XX:TieredStopAtLevel=1 -cp "$ARCHIVES/*" "$ROOT/scripts/strimzi/Check.java" "$@"
