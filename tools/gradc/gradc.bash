# Completion of the gradc command for bash.

# Options come from the command's own help, so that they are its own.
_gradc_options()
{
    gradc "$1" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_gradc()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="train predict eval info explain compare tune devices --version --help"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        return
    fi
    case $before in
    --model) words="mlp lenet alexnet vgg11 vgg16 vgg16-bn-32 resnet18" ;;
    --amp) words="bf16 f16" ;;
    --optimizer) words="sgd adam adamw rmsprop" ;;
    --schedule) words="constant linear cosine step, onecycle" ;;
    --augment) words="crop flip crop,flip" ;;
    --math) words="fast strict tf32 bf16" ;;
    --resize) words="pad crop stretch" ;;
    --bad-images) words="fail skip" ;;
    --device) words="auto $(gradc devices --names 2>/dev/null)" ;;
    --data) words="fashion-mnist mnist: cifar10: folder:" ;;
    --save | --checkpoint | --resume | --pretrained | --report | --losses | --csv | --sheet | --html | --export | --import)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --log-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    *)
        case $word in
        -*) words=$(_gradc_options "${COMP_WORDS[1]}") ;;
        *)
            [ "${COMP_WORDS[1]}" != info ] && [ "${COMP_WORDS[1]}" != explain ] || words="mlp lenet alexnet vgg11 vgg16 vgg16-bn-32 resnet18"
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"; compgen -f -- "$word")
            return
            ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o filenames -F _gradc gradc
