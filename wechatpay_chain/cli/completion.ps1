# Completion of wechatpay-chain for PowerShell: wechatpay-chain completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName wechatpay-chain -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $typed = ''
    $before = @()
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        $text = if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $element.Value } else { $element.Extent.Text }
        if ($element.Extent.EndOffset -lt $cursorPosition) { $before += $text }
        elseif ($element.Extent.StartOffset -lt $cursorPosition) { $typed = $text.Substring(0, [Math]::Min($text.Length, $cursorPosition - $element.Extent.StartOffset)) }
    }
    # Windows PowerShell drops an empty argument; the words are handed over as one line of JSON on standard input.
    $line = ConvertTo-Json -Compress -InputObject @(@($typed) + $before)
    $line | & @COMMAND@ 2>$null | ForEach-Object {
        $text, $listed, $about = $_ -split "`t"
        $quoted = if ($text -match '[^\w.,:/=\\+-]') { "'" + ($text -replace "'", "''") + "'" } else { $text }
        [System.Management.Automation.CompletionResult]::new($quoted, $listed, 'ParameterValue', $about)
    }
}
