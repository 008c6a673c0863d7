// What calls an agent who looks elsewhere: a sound, a notice of the system, the number in the title. None of them
// says a word of a shopper's.
import { kept } from "./wire.js";

const SOUND = "desk-sound";
const NOTICES = "desk-notices";
const title = document.title;
let before = null;
let audio = null;

/** One short double note, once for all tabs of this browser. */
function ring() {
  if (kept.get(SOUND) !== "on") return;
  const play = () => {
    try {
      audio ??= new AudioContext();
      const start = audio.currentTime;
      [[660, 0], [880, 0.16]].forEach(([frequency, delay]) => {
        const tone = audio.createOscillator();
        const volume = audio.createGain();
        tone.frequency.value = frequency;
        volume.gain.setValueAtTime(0.0001, start + delay);
        volume.gain.exponentialRampToValueAtTime(0.16, start + delay + 0.02);
        volume.gain.exponentialRampToValueAtTime(0.0001, start + delay + 0.28);
        tone.connect(volume).connect(audio.destination);
        tone.start(start + delay);
        tone.stop(start + delay + 0.3);
      });
      document.documentElement.dataset.rang = String(Number(document.documentElement.dataset.rang ?? 0) + 1);
    } catch { /* a browser without sound */ }
  };
  if (!navigator.locks) { play(); return; }
  navigator.locks.request("desk-ring", { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    play();
    await new Promise((done) => setTimeout(done, 1200));
  });
}

function notice(text) {
  if (kept.get(NOTICES) !== "on" || !document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  const shown = new Notification("知心工作台", { body: text, tag: "zhixin-desk" });
  shown.addEventListener("click", () => { window.focus(); shown.close(); });
}

function call(text) { ring(); notice(text); }

document.addEventListener("desk:counts", ({ detail }) => {
  const due = (detail.unread ?? 0) + (detail.waiting ?? 0);
  document.title = due ? `(${due > 99 ? "99+" : due}) ${title}` : title;
  if (before !== null) {
    if ((detail.mentions ?? 0) > (before.mentions ?? 0)) call("有同事在备注里提到您");
    else if ((detail.unread ?? 0) > (before.unread ?? 0)) call("顾客有新消息");
    else if ((detail.waiting ?? 0) > (before.waiting ?? 0)) call("有新的顾客在排队");
  }
  before = detail;
});

function toggle(id, key, turnOn) {
  const button = document.getElementById(id);
  if (!button) return;
  const show = () => button.setAttribute("aria-pressed", String(kept.get(key) === "on"));
  button.addEventListener("click", async () => {
    const on = kept.get(key) !== "on" && await turnOn();
    kept.set(key, on ? "on" : null);
    show();
    if (on && id === "sound") ring();
  });
  show();
}

toggle("sound", SOUND, async () => true);
toggle("notices", NOTICES, async () => {
  if (!("Notification" in window)) { window.desk.toast("这个浏览器不支持桌面提醒。", { error: true }); return false; }
  const allowed = Notification.permission === "granted" ? "granted" : await Notification.requestPermission();
  if (allowed !== "granted") window.desk.toast("浏览器没有允许桌面提醒，可以在地址栏左侧的设置里打开。", { error: true });
  return allowed === "granted";
});
