// The sounds of the console, made here by Web Audio, and the button that says whether they are heard.
//
// While an element with data-sound="high" (or medium, low, waiting) is on the page, its sound is
// repeated.  Browsers are mute until somebody taps the page; the sign-in's tap counts, so the sound
// usually works from the first page on.  Of several tabs one sounds (a Web Lock says which).
// A tap on the button silences what sounds now; something new sounds again.
const SOUNDS = {
  // beeps [Hz, s], and seconds until they come again: the more urgent, the quicker (IEC 60601-1-8)
  high: { beeps: [[988, 0.14], [784, 0.14], [988, 0.14], [784, 0.14], [988, 0.2]], every: 2.2 },
  medium: { beeps: [[784, 0.18], [784, 0.18], [659, 0.22]], every: 5 },
  waiting: { beeps: [[659, 0.16], [880, 0.24]], every: 4 },
  low: { beeps: [[523, 0.25]], every: 15 },
};
const ORDER = ["high", "medium", "waiting", "low"];

const button = document.getElementById("sound");
let audio = null;
let mine = !navigator.locks;
let silenced = new Set();
let next = 0;

const key = (element) => element.id || element.dataset.key || element.dataset.part || element.dataset.sound;
const sounding = () => [...document.querySelectorAll("[data-sound]")].filter((element) => ORDER.includes(element.dataset.sound));
const loud = () => sounding().filter((element) => !silenced.has(key(element)));

export function works() {
  return audio?.state === "running";
}

function show() {
  if (!button) return;
  const state = !works() ? "muted" : sounding().length && !loud().length ? "quiet" : "works";
  if (button.dataset.state === state && !button.hidden) return;
  button.hidden = false;
  button.dataset.state = state;
  button.lastElementChild.textContent = button.dataset[state];
  const use = button.querySelector("use");
  use.setAttribute("href", state === "works" ? use.dataset.works : use.dataset.muted);
  document.documentElement.dataset.sound = state;
}

function unlock() {
  audio ??= new (window.AudioContext ?? window.webkitAudioContext)();
  if (audio.state !== "running") audio.resume().then(show, show);
  if (!mine && navigator.locks) {
    navigator.locks.request("garita-sound", () => {
      mine = true;
      return new Promise(() => {});
    });
  }
  show();
}

// One sound, now.
export function play(kind) {
  if (!works()) return;
  let at = audio.currentTime + 0.02;
  for (const [hertz, seconds] of SOUNDS[kind].beeps) {
    const tone = audio.createOscillator();
    const level = audio.createGain();
    tone.type = "triangle";
    tone.frequency.value = hertz;
    level.gain.setValueAtTime(0, at);
    level.gain.linearRampToValueAtTime(0.5, at + 0.015);
    level.gain.setValueAtTime(0.5, at + seconds - 0.03);
    level.gain.linearRampToValueAtTime(0, at + seconds);
    tone.connect(level).connect(audio.destination);
    tone.start(at);
    tone.stop(at + seconds);
    at += seconds + 0.07;
  }
  document.dispatchEvent(new CustomEvent("garita:sounded", { detail: kind }));
}

function step() {
  const here = new Set(sounding().map(key));
  silenced = new Set([...silenced].filter((name) => here.has(name)));
  show();
  const kinds = loud().map((element) => element.dataset.sound);
  const kind = ORDER.find((name) => kinds.includes(name));
  if (!kind) next = 0;
  else if (mine && works() && Date.now() >= next) {
    next = Date.now() + SOUNDS[kind].every * 1000;
    play(kind);
  }
}

if (button) {
  try {
    unlock();
  } catch {
    show();
  }
  const tapped = () => works() || unlock();
  document.addEventListener("pointerdown", tapped);
  document.addEventListener("keydown", tapped);
  button.addEventListener("click", () => {
    const now = loud();
    if (!works()) unlock();
    else if (now.length) now.forEach((element) => silenced.add(key(element)));
    else if (silenced.size) silenced.clear();
    else play("low"); // so that a guard hears how loud it is
    show();
  });
  setInterval(step, 500);
  new MutationObserver(step).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-sound"] });
}
