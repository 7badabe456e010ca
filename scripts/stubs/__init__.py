"""How the stubs of ``wechatpay_chain.typed`` are written: shapes of data, nodes of chains, and the files for both."""
