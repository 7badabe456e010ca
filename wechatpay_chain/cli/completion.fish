# Completion of wechatpay-chain for fish: wechatpay-chain completion fish | source
function __wechatpay_chain
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l before (commandline --tokenize --current-process --cut-at-cursor)
    @COMMAND@ "$typed" $before[2..-1] 2>/dev/null </dev/null
end
complete --command wechatpay-chain --no-files --keep-order --arguments '(__wechatpay_chain)'
