import type { DoctorWords } from "./doctor";

const settings = "请在系统或浏览器设置里允许，然后重新检查。";

export const doctorZh: DoctorWords = {
  title: "检查连接",
  intro: "试一试摄像头、麦克风、服务器，以及通往其他人的线路。不会录下任何内容。",
  tone: "会听到一声短音。",
  begin: "开始检查",
  again: "重新检查",
  cancel: "停止",
  close: "关闭连接检查",
  running: "正在检查…",
  cancelled: "已停止。",
  done: (problems) => `发现 ${problems} 个问题。`,
  allWell: "没有发现问题。",
  steps: {
    devices: "摄像头、麦克风、扬声器",
    server: "服务器",
    network: "网络",
    relay: "中继",
    call: "通话中的人",
  },
  stepStates: { waiting: "等待中", running: "进行中", done: "已完成", failed: "无法检查" },
  severities: { broken: "有问题", warning: "值得留意", unknown: "不清楚", fine: "正常" },
  fine: "正常的部分",
  somebody: "对方",
  views: "显示内容",
  check: "检查",
  timeline: {
    title: "时间线",
    empty: "还没有发生什么。通话中的每条消息、每次变化都会出现在这里。",
    hint: "每条消息、每次变化都在这里，但不含通话内容、名字、地址和密钥。",
    earlier: (count) => `更早的 ${count} 条在报告里。`,
    ways: { out: "发出", in: "收到", state: "变化" },
    peer: (number) => `${number} 号`,
    size: (characters) => `${characters} 个字符`,
  },
  copy: "复制报告",
  save: "保存报告",
  copied: "报告已复制",
  copyFailed: "无法复制报告",
  saved: (where) => `已保存到 ${where}`,
  saveFailed: "无法保存报告，请改用复制。",
  reportHint: "报告里没有名字、地址和密钥。",
  findings: {
    "camera-works": { says: () => "摄像头正常。" },
    "camera-denied": { says: () => "Snug 没有使用摄像头的权限。", fix: settings },
    "camera-missing": { says: () => "没有摄像头。", fix: "接上一个，或者不带画面加入。" },
    "camera-busy": { says: () => "摄像头正被别的应用占用。", fix: "请在那个应用里关掉，然后重新检查。" },
    "camera-insecure": { says: () => "这个页面不安全，不能用摄像头。", fix: "请用 https:// 打开链接。" },
    "camera-unknown": { says: () => "摄像头没能启动。", fix: "重新插一下，或换一个。" },
    "microphone-works": { says: () => "麦克风正常。" },
    "microphone-silent": {
      says: () => "麦克风开着，却一点声音都没有。",
      fix: "看看它上面有没有静音开关，或换一个。",
    },
    "microphone-denied": { says: () => "Snug 没有使用麦克风的权限。", fix: settings },
    "microphone-missing": { says: () => "没有麦克风。", fix: "接上一个，然后重新检查。" },
    "microphone-busy": { says: () => "麦克风正被别的应用占用。", fix: "请在那个应用里关掉，然后重新检查。" },
    "microphone-insecure": { says: () => "这个页面不安全，不能用麦克风。", fix: "请用 https:// 打开链接。" },
    "microphone-unknown": { says: () => "麦克风没能启动。", fix: "重新插一下，或换一个。" },
    "speaker-works": { says: () => "有扬声器可用。" },
    "speaker-missing": { says: () => "没有扬声器。", fix: "接上扬声器或耳机，然后重新检查。" },
    "speaker-unknown": {
      says: () => "从这里看不到声音从哪个扬声器出来。",
      fix: "请在加入前的页面播放测试音，听一听。",
    },
    echo: {
      says: () => "麦克风收到了扬声器的声音，对方会听到自己的回声。",
      fix: "戴上耳机，或把扬声器调小。",
    },
    "no-echo": { says: () => "麦克风没有收到扬声器的声音。" },
    "echo-unknown": {
      says: () => "还无法得知对方会不会听到自己的回声。",
      fix: "请开着这个面板和麦克风，等别人说上十秒钟的话。",
    },
    "echo-returned": {
      says: (who) => `${who}的麦克风收到了你的声音，你会听到自己的回声。`,
      fix: "请对方戴上耳机，或把扬声器调小。",
    },
    "server-reached": { says: (_, value) => `服务器 ${value} 内应答。` },
    "server-slow": {
      says: (_, value) => `服务器要 ${value} 才应答。`,
      fix: "停下大的下载，离 Wi-Fi 近一些，或改用网线。",
    },
    "server-unreachable": {
      says: () => "服务器没有应答。",
      fix: "请检查网络；如果网络正常，请告诉服务器的管理者。",
    },
    "server-refuses": {
      says: () => "服务器只让受邀的人进入，从这里无法试验。",
      fix: "请先加入通话，再检查一次。",
    },
    "clock-right": { says: () => "时钟准确。" },
    "clock-wrong": {
      says: (_, value) => `这台设备的时钟差了 ${value}。`,
      fix: "请在系统设置里打开自动设置时间。",
    },
    "clock-unknown": {
      says: () => "无法与服务器的时钟对比。",
      fix: "请确认系统设置里已打开自动设置时间。",
    },
    "udp-works": { says: () => "网络允许通话通过（UDP）。" },
    "udp-blocked": {
      says: () => "防火墙丢弃 UDP，通话只能绕道 TCP，可能会卡。",
      fix: "请网络管理者放行 UDP，或换一个网络。",
    },
    "udp-blocked-no-relay": {
      says: () => "防火墙丢弃 UDP，又没有别的办法到达中继，通话连不上。",
      fix: "请换一个网络，或请人放行 UDP，或在 443 端口提供 TLS 中继。",
    },
    "udp-unknown": {
      says: () => "无法得知 UDP 能否通过。",
      fix: "请服务器的管理者提供 STUN 和 TURN。",
    },
    "nat-open": { says: () => "中间没有路由器阻隔。" },
    "nat-steady": { says: () => "路由器让其他人找得到你。" },
    "nat-symmetric": { says: () => "路由器很严格（对称型 NAT），由中继帮忙。" },
    "nat-symmetric-no-relay": {
      says: () => "路由器很严格（对称型 NAT），又没有中继帮忙。",
      fix: "请换一个网络，或请服务器的管理者提供 TURN。",
    },
    "nat-unknown": {
      says: () => "无法得知路由器是哪一种。",
      fix: "只要能接通就不用管；要判断，需要两个 STUN 服务器。",
    },
    "relay-works": { says: (_, value) => `中继正常（${value}）。` },
    "relay-absent": {
      says: () => "服务器没有提供中继，网络严格的人连不上。",
      fix: "请服务器的管理者提供 TURN。",
    },
    "relay-refused": {
      says: (_, value) => `中继拒绝了服务器发放的凭证（${value}）。`,
      fix: "请告诉服务器的管理者：TURN 密钥或时钟不对。",
    },
    "relay-full": { says: (_, value) => `中继已满（${value}）。`, fix: "请稍后再试，或告诉服务器的管理者。" },
    "relay-silent": {
      says: () => "用什么办法都到不了中继。",
      fix: "请换一个网络；如果还不行，请告诉服务器的管理者。",
    },
    "relay-stuck": {
      says: () => "中继有应答，却什么也不转发。",
      fix: "请告诉服务器的管理者：中继端口（UDP 49152 到 65535）似乎没有开放，或者它不知道自己的公网地址。",
    },
    "path-good": { says: (_, value) => `线路良好（丢包、抖动、带宽：${value}）。` },
    "path-lossy": {
      says: (_, value) => `线路丢失了 ${value} 的数据。`,
      fix: "离 Wi-Fi 近一些，或改用网线。",
    },
    "path-jittery": {
      says: (_, value) => `线路忽快忽慢（抖动 ${value}），声音可能断断续续。`,
      fix: "停下大的下载，离 Wi-Fi 近一些，或改用网线。",
    },
    "path-slow": {
      says: (_, value) => `到中继来回要 ${value}，说话容易撞在一起。`,
      fix: "请关掉 VPN，或换一个近一些的服务器。",
    },
    "path-narrow": {
      says: (_, value) => `只有 ${value} 能通过，画面不会好。`,
      fix: "停下大的下载，或关掉摄像头。",
    },
    "link-good": { says: (who) => `与${who}的连接正常。` },
    "link-waiting": { says: (who) => `与${who}的连接正在建立。`, fix: "请稍等，然后重新检查。" },
    "offer-unanswered": {
      says: (who) => `${who}没有应答：我们的提议或对方的应答在服务器那边丢了。`,
      fix: "请对方重新加入；如果一直这样，请告诉服务器的管理者。",
    },
    "answer-lost": {
      says: (who) => `我们的应答到不了${who}：在服务器那边丢了。`,
      fix: "请重新加入；如果一直这样，请告诉服务器的管理者。",
    },
    "candidates-missing": {
      says: (who) => `服务器没有转交${who}的地址，无从连接。`,
      fix: "请重新加入；如果一直这样，请告诉服务器的管理者。",
    },
    "ice-stuck": {
      says: (who) => `通往${who}的路都不通：该交换的都交换了，就是过不去。`,
      fix: "请其中一方换个网络，或请服务器的管理者提供 TURN。",
    },
    "media-missing": {
      says: (who) => `与${who}的连接还在，但没有声音也没有画面。`,
      fix: "请对方把麦克风和摄像头关掉再打开，或重新加入。",
    },
    "media-lost": {
      says: (who) => `${who}的声音和画面中断了，但对方仍在服务器上。`,
      fix: "请等一等，能恢复时会自己恢复；否则请其中一方换个网络。",
    },
    "line-down": { says: () => "你与服务器的连接断了。", fix: "请检查网络；Snug 会自己恢复。" },
  },
};
