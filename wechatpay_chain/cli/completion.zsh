# Completion of wechatpay-chain for zsh: eval "$(wechatpay-chain completion zsh)"
_wechatpay_chain() {
    emulate -L zsh
    local whole candidate shown
    local -a wholes wholes_shown begun begun_shown
    while IFS=$'\t' read -r whole candidate shown; do
        if [[ $whole == 1 ]]; then
            wholes+=("$candidate") wholes_shown+=("$shown")
        else
            begun+=("$candidate") begun_shown+=("$shown")
        fi
    done < <(@COMMAND@ "${(Q)PREFIX}" "${(@Q)words[2,CURRENT-1]}" 2>/dev/null </dev/null)
    (( $#wholes )) && compadd -l -V wholes -d wholes_shown -a wholes
    (( $#begun )) && compadd -l -V begun -S '' -d begun_shown -a begun
    (( $#wholes + $#begun ))
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
compdef _wechatpay_chain wechatpay-chain
