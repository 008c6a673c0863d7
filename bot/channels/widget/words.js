// Every line that the page itself says. What the assistant says comes from the server.

export const WORDS = {
  anonymous: "未登录",
  loginFailed: "这位顾客登录不了，请换一位，或者不登录直接聊。",
  openFailed: "连不上服务，请检查网络后再试。",
  retryOpen: "重新连接",
  reconnecting: "连接断开，正在重连，消息照样可以发。",
  sending: "发送中",
  failed: "没有发出去",
  outdated: "这个选项已经过期，请直接说要办什么",
  retry: "重发",
  tooFast: (seconds) => `发得太快了，${seconds} 秒后再发`,
  tooLong: (over) => `超出 ${over} 字，请分成几条发`,
  left: (count) => `还能写 ${count} 字`,
  options: "可选的下一步",
  agent: (name) => (name ? `人工客服 ${name}` : "人工客服"),
  bot: "智能助手为您服务",
  waiting: "正在排队等人工客服",
  place: (position, minutes) =>
    `排队中，${position > 1 ? `前面还有 ${position - 1} 位` : "下一位就是您"}，预计 ${minutes} 分钟`,
  cancelWait: "取消排队",
  closed: "这次对话已经结束",
  reopen: "开始新对话",
  picture: "客服发来的图片",
  pictureLost: "图片打不开",
  total: "合计",
  freight: "运费",
  freeFreight: "免运费",
  pieces: (count) => `共 ${count} 件`,
  payBy: "付款截止",
  shipBy: "最晚发货",
  expectedBy: "预计送达",
  deliveredAt: "签收时间",
  promisedBy: "承诺送达",
  placedAt: "下单时间",
  order: "订单",
  trackingNumber: "运单号",
  request: "售后单",
  reason: "原因",
  refund: "退款金额",
  reviewBy: "审核截止",
  refundBy: "最晚到账",
  createdAt: "申请时间",
  earlier: (count) => `更早的 ${count} 条`,
  rating: "评分",
  sold: (count) => `近 30 天卖出 ${count} 件`,
  soldOut: "缺货",
};

// Names of the types, for the demonstration of the reading only.
export const TYPES = { power: "力量型", perfect: "完美型", peace: "和平型", lively: "活泼型" };
export const STYLES = { neutral: "标准口吻", power: "简洁直接", perfect: "详尽严谨", peace: "温和稳妥", lively: "轻快有趣" };
export const MOODS = {
  calm: "平静", angry: "生气", complaining: "抱怨", hesitant: "犹豫", cheerful: "开心", worried: "担心",
};

export const READING = {
  served: "现在的口吻",
  unsure: "还拿不准",
  mood: "情绪",
  cues: "线索",
  none: "这句话里没有明显的线索。",
  off: "个性化已关闭：不判断，也不保留。",
  tap: "点的是按钮，不算线索。",
  history: "过往记录",
  sources: { lexicon: "用词", style: "写法", classifier: "语气", history: "过往记录" },
  supports: (type) => `偏${type}`,
  against: (type) => `不像${type}`,
};

// What a cue beyond single words stands for: the way of writing, the whole sentence, the history.
export const CUES = {
  "style:short": "写得短", "style:long": "写得长", "style:questions": "问题多", "style:clauses": "一句几件事",
  "style:figures": "数字多", "style:particles": "语气词多", "style:tildes": "爱用波浪号", "style:shouts": "感叹号多",
  "style:dots": "爱用省略号", "style:polite": "客气", "style:plain_thanks": "只是道谢", "style:you_formal": "用“您”",
  "style:imperative": "直接让人办事", "style:answers_question": "只答要点", "style:after_refusal": "被拒绝后没有争",
  "style:pushes_on": "被拒绝后还在坚持", "style:asks_on": "接着往下问", "style:burst": "一条接一条",
  "history:express": "常选加急", "history:urging": "催过单", "history:quick_buy": "下单快",
  "history:late_returns": "因为送得晚退过货", "history:slow_buy": "看很久才下单", "history:details": "爱翻参数表",
  "history:comparing": "爱做对比", "history:fine_returns": "因为细节退过货", "history:exact_reviews": "评价写得细",
  "history:customising": "常做定制", "history:same_brand": "常买同一品牌", "history:few_returns": "很少退货",
  "history:kind_reviews": "评价简短宽厚", "history:new_arrivals": "常买新品", "history:emoji_reviews": "评价爱用表情",
  "history:picture_reviews": "爱晒图", "history:much_browsing": "常逛", "history:stored": "以前的对话",
  classifier: "整句的语气",
};
