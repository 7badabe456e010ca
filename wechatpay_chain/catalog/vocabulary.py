"""What English words are in the catalogue's Chinese: its names and tags have no other language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = ["MEANINGS", "forms"]

# A word, then how names and tags say it; the words of paths are English already.
# How Chinese words are spelled where no input method is at hand.
_PINYIN = """
tuikuan 退款
xiadan 下单
zhifu 支付
zhuanzhang 转账
fenzhang 分账
chaxun 查询
dingdan 订单
guandan 关单
chadan 订单号查询
hongbao 红包
zhangdan 账单
duizhang 账单
tousu 投诉
jinjian 进件
tixian 提现
yue 余额
zhengshu 证书
youhuiquan 代金券 商家券
daijinquan 代金券
huidan 回单
fapiao 发票
daikou 代扣
qianyue 签约
jiedong 解冻
chexiao 撤销
"""
_TABLE = """
abnormal 异常
account 账户 开户
activate 激活 开通
activity 活动
add 添加 新增
address 地址
agreement 协议
amount 金额
apply 申请
appointment 预约
attach 关联 绑定
authorize 授权
balance 余额
bank 银行
barcode 付款码
batch 批次 批量
bill 账单
bind 绑定
brand 品牌
callback 回调 通知
cancel 撤销 取消 撤回
capital 资金
card 卡
cancel-order 关单 关闭订单
cash 代金
certificate 证书
change 变更 修改
charge 下单 扣款
chargeback 投诉
charity 公益 捐赠
check 查询 校验
checkout 下单
close 关闭 关单
combine 合单
commission 分账
complaint 投诉
complete 完结 完成
confirm 确认
consume 核销
contract 签约 协议
coupon 券
create 创建 下单
cross-border 跨境
customer 用户
customs 报关
deactivate 失效
debit 扣款 代扣 扣费
deduct 扣款 代扣 扣费
delete 删除
deposit 押金 充值
detail 详情 明细
discount 优惠
dispute 投诉
donate 捐赠
download 下载
employee 员工
endpoint 通知 回调
event 通知 回调
fetch 获取 下载
file 文件
find 查询
finish 完结
fund 资金
get 获取 查询
goods 商品
hotel 酒店
identity 身份 实名
image 图片
insurance 保险 保单
invoice 发票
issue 发放 开具
join 进件
list 列表
lookup 查询
medical 医保
member 会员
merchant 商户 商家
mini-program jsapi 小程序
miniprogram jsapi 小程序
modify 修改
new 创建 下单
notify 通知 回调
onboard 进件
order 订单 下单 关单
order-status 订单号查询
parking 停车
payout 转账 用户个人付款
place 下单
pay 支付 付款
payment 支付 付款
payment-status 订单号查询
permission 权限 授权
points 积分
prepay 下单
profit 分账
profit-sharing 分账
profitsharing 分账
recipient 接收方
reconciliation 账单
recurring 代扣
redeem 核销
reverse-order 撤销
scan native 付款码
show 查询
split-payment 分账
subscription 代扣 签约
void 撤销
voucher 券
webhook 通知 回调
withhold 代扣
wap h5
web-pay h5
web-payment h5
scan-qr native
qr native
qr-code native
qrcode native
qualification 资格
query 查询 获取
read 查询 获取
reconcile 账单
receipt 回单 凭证 小票
receiver 接收方
recharge 充值
red-packet 红包
redpacket 红包
refund 退款
refund-order 申请退款
order-refund 申请退款
register 注册 报备
release 解绑 解除
reply 回复
remove 删除 解除
repay 还款
request 申请 请求
reserve 预约
return 回退 退款
reverse 撤销
revoke 撤销 解除
risk 风险 风控
school 校园
score 支付分
search 查询
send 发放 发送
service-provider 服务商
settle 结算
settlement 结算
share 分账
sharing 分账
shop 门店 小店
sign 签约
split 分账
state 状态 查询
status 状态 查询
statement 账单
stock 批次
store 门店
student 学生
submerchant 特约商户 二级商户
subsidy 补差 国补
sync 同步
tax 税 发票
taxi 出租车
terminate 解约 终止 解除
ticket 小票 凭证
trade 交易 订单
transaction 交易 订单
transfer 转账
unbind 解绑 解除
unfreeze 解冻
update 更新 修改
upload 上传
use 使用 核销
user 用户
vehicle 车
video 视频
violation 违规
withdraw 提现
auto-debit 代扣
bank-account 结算帐号 结算账户
credit-score 支付分
daily-bill 账单
download-certificate 平台证书
in-app app下单 app支付
merchant-transfer 转账
mini-app jsapi 小程序
miniapp jsapi 小程序
partial-refund 退款
pay-out 转账 用户个人付款
pay-user 转账 用户个人付款
payment-result 订单号查询
platform-certificate 平台证书
register-merchant 服务商∙进件
revenue-share 分账
revenue-sharing 分账
send-money 转账
short-url 短链接
auto-renew 代扣 续费
direct-debit 代扣
exchange-rate 汇率
image-upload 图片上传 文件上传 上传反馈图片
public-key 证书
red-envelope 红包
subscribe 签约 代扣
upload-image 图片上传 文件上传 上传反馈图片
h5支付 h5下单
app支付 app下单
jsapi支付 jsapi下单
native支付 native下单
公众号支付 jsapi
公众号 jsapi
小程序支付 jsapi 小程序支付下单
小程序 jsapi
扫码支付 native
二维码 native
刷卡支付 付款码
商家转账 转账
企业付款 发起转账 用户个人付款 企业付款
付款到零钱 发起转账 用户个人付款
转账到零钱 转账
现金红包 红包
微信红包 红包
优惠券 代金券 商家券
发券 发放代金券 向用户发券
对账 账单
流水 资金账单
查单 订单号查询
查询订单 订单号查询
查询退款 查询单笔退款
退款查询 查询单笔退款 查询退款
关闭订单 关单
取消订单 关单 关闭订单
入驻 进件
特约商户进件 服务商∙进件
投诉回复 提交回复
关单 关闭订单
回执 回单
对账单 账单
状态 查询
下载 获取
退钱 退款
打款 转账
商家付款到零钱 发起转账 用户个人付款
商家转账到零钱 转账
撤销订单 撤销
退款单 退款
支付订单 下单 订单号查询
申诉 投诉
支付结果 订单号查询
支付状态 订单号查询
取消支付 关单 撤销
预支付 下单
刷卡 付款码
被扫 付款码
扫码枪 付款码
收款码 native
网页支付 h5
手机网页支付 h5
商家付款 转账
零钱 转账
提现到零钱 转账
记录 查询
撤回 撤销
进度 查询
微信支付分 支付分
微信退款 退款
微信转账 转账
商户进件 服务商∙进件
退货 退款
付钱 付款 支付
收钱 下单
发钱 转账
汇款 转账
信用分 支付分
商户号注销 注销
合单退款 退款
撤单 撤销
当面付 付款码
扫码 native 付款码
公钥 证书
平台公钥 平台证书
微信支付公钥 平台证书
转账到银行卡 付款到银行卡
转账到余额 转账
回复用户 提交回复
投诉完结 反馈处理完成
完结投诉 反馈处理完成
分账完结 解冻剩余资金 完结分账
完结分账 解冻剩余资金
分账退回 分账回退
海关 报关
修改结算账户 修改结算帐号
省市 省份 城市
图片上传 文件上传 上传反馈图片
上传图片 图片上传 文件上传 上传反馈图片
人脸支付 刷脸支付
自动续费 代扣
"""
MEANINGS: Mapping[str, tuple[str, ...]] = {
    line.split()[0]: tuple(line.split()[1:]) for line in (_TABLE + _PINYIN).split("\n") if line
}


def forms(word: str) -> Iterator[str]:
    """A casefolded word and its singular: ``certificates`` and ``certificate``, ``queries`` and ``query``."""
    yield word
    if word.isascii() and len(word) > 3:
        if word.endswith("ies"):
            yield f"{word[:-3]}y"
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("s"):
            yield word[:-1]
