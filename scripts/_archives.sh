# shellcheck shell=bash
# Sourced by the scripts that read images as `docker save` writes them.

# is_archive FILE
is_archive() { [[ -f $1 ]] && tar -tf "$1" manifest.json >/dev/null 2>&1; }

# member ARCHIVE NAME: prints it.
member() { tar -xOf "$1" "$2"; }

# layers ARCHIVE: the name of each, the lowest first.
layers() { say "$(member "$1" manifest.json | sed -E 's/.*"Layers": *\[([^]]*)\].*/\1/' | tr -d '" ' | tr ',' '\n')"; }

# config ARCHIVE: how the image is to be run, and what it says of itself.
config() { member "$1" "$(member "$1" manifest.json | sed -nE 's/.*"Config": *"([^"]*)".*/\1/p')"; }

# take_apart ARCHIVE FOLDER: the files of each layer, also those that a later one hides, and the configuration.
take_apart() {
  local layer number=0
  mkdir -p "$2"
  config "$1" >"$2/config.json"
  while read -r layer; do
    number=$((number + 1))
    mkdir "$2/$number"
    # Without owners and devices: it is only read here. Layers may be compressed, and tar does not guess in a pipe.
    member "$1" "$layer" >"$2/layer"
    tar -xf "$2/layer" -C "$2/$number" --no-same-owner --no-same-permissions --exclude='dev/*'
    rm "$2/layer"
  done < <(layers "$1")
  chmod -R u+rwX "$2"
}
