# shellcheck shell=bash
# Sourced by the scripts that move images in a registry, after _lib.sh and _cluster.sh: what they are asked for.

# The images that are named, or all.
CHOSEN=()

# read_arguments "OPTION..." ARGUMENT...: each option is needed and sets the variable of its name; what is no option is an image.
read_arguments() {
  local options=$1 name variable
  shift
  while (($#)); do
    name=${1#--}
    case $1 in
      -h | --help) help_of "$0"; exit ;;
      -*)
        [[ " $options " == *" $name "* ]] || die "unknown option $1 (see --help)"
        (($# >= 2)) || die "$1 needs a value"
        printf -v "${name^^}" '%s' "$2"
        shift 2
        ;;
      *)
        [[ " ${IMAGES[*]} " == *" $1 "* ]] || die "there is no app $1 (there are: ${IMAGES[*]})"
        CHOSEN+=("$1")
        shift
        ;;
    esac
  done
  for name in $options; do
    variable=${name^^}
    [[ -n ${!variable} ]] || die "--$name is missing (see --help)"
  done
  if ((${#CHOSEN[@]} == 0)); then CHOSEN=("${IMAGES[@]}"); fi
  need_tool docker "https://docs.docker.com/engine/install/"
}
