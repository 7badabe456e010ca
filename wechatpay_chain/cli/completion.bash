# Completion of wechatpay-chain for bash: eval "$(wechatpay-chain completion bash)"
_wechatpay_chain() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <(@COMMAND@ "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null)
}
complete -o nospace -F _wechatpay_chain wechatpay-chain
