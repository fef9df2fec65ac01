# SPDX-License-Identifier: BSD-3-Clause
# Completion of mpnicctl for bash. Peers are completed from what mpnicd knows.

_mpnicctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} word command='' sub='' i
    local options='--socket --json --network --follow --watch --all --help'

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case "$word" in
        --socket | --network) ((i++)) ;;
        -*) ;;
        *)
            if [ -z "$command" ]; then command=$word; elif [ -z "$sub" ]; then sub=$word; fi
            ;;
        esac
    done
    case "${COMP_WORDS[COMP_CWORD - 1]}" in
    --socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    esac
    case "$cur" in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
        ;;
    esac
    case "$command/$sub" in
    /) word='peers conns events stats policy probe device drain' ;;
    peers/) word='list show set pin unpin remove flush export import' ;;
    peers/show | peers/set | peers/pin | peers/unpin | peers/remove)
        word="$(mpnicctl --json peers 2>/dev/null |
            sed -n 's/.*"address": *"\([^"]*\)".*/\1/p') v1 v0 none"
        ;;
    peers/export | peers/import)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    policy/) word='show reload' ;;
    drain/) word='on off' ;;
    *) word='' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
}
complete -F _mpnicctl mpnicctl
