// Hears from the console what changed.  One tab of a browser holds the stream (a Web Lock says
// which) and tells the others over a BroadcastChannel; a browser has six connections to a host, and
// each tab would take one.  After a lost connection the stream goes on behind the record that was
// heard last.
//
// A part of a page that says hx-trigger="changed-doors from:body" loads itself anew; a part with
// data-part="..." gets its HTML through the stream (parts.js).
import { apply, wanted } from "./parts.js";

const SILENT_MS = 25000; // the console says something at least every 10 s
const AGAIN_MS = 2000;

const body = document.body;
const link = document.getElementById("link");
const channel = "BroadcastChannel" in window ? new BroadcastChannel("garita") : null;
let source = null;
let last = body.dataset.seq ?? "";
let heard = Date.now();
let parts = false;

function connected(good) {
  const state = good ? "good" : "lost";
  document.documentElement.dataset.link = state;
  if (!link || link.dataset.state === state) return;
  link.dataset.state = state;
  link.lastElementChild.textContent = good ? link.dataset.good : link.dataset.lost;
}

const handle = {
  changed: ({ topics }) => topics.forEach((topic) => body.dispatchEvent(new CustomEvent(`changed-${topic}`))),
  parts: apply,
  link: ({ good }) => connected(good),
  // Somebody else has signed in meanwhile, or the console was updated: what is shown is not theirs.
  hello: ({ who }) => who === body.dataset.who || location.reload(),
  beat: () => {},
};

function tell(kind, data, id) {
  if (id) last = id;
  handle[kind](data);
  channel?.postMessage({ kind, data, id });
}

function open() {
  source?.close();
  const query = new URLSearchParams();
  if (parts) query.set("parts", "1");
  if (last) query.set("last", last);
  source = new EventSource(`${body.dataset.stream}?${query}`);
  for (const kind of ["changed", "parts", "hello", "beat"]) {
    source.addEventListener(kind, (event) => {
      heard = Date.now();
      tell("link", { good: true });
      tell(kind, JSON.parse(event.data || "{}"), event.lastEventId);
    });
  }
  source.addEventListener("error", () => {
    tell("link", { good: false });
    if (source.readyState === EventSource.CLOSED) setTimeout(refused, AGAIN_MS);
  });
}

// The console answered with something else than a stream: the session may be over.
async function refused() {
  const answer = await fetch(body.dataset.stream, { method: "HEAD", redirect: "manual" }).catch(() => null);
  if (answer && (answer.status === 401 || answer.type === "opaqueredirect")) location.reload();
  else open();
}

function lead() {
  parts = parts || wanted();
  heard = Date.now();
  open();
  channel?.postMessage({ kind: "leader" });
  setInterval(() => {
    if (Date.now() - heard < SILENT_MS) return;
    heard = Date.now();
    tell("link", { good: false });
    open();
  }, 5000);
}

if (body.dataset.stream) {
  parts = wanted();
  const hello = () => channel?.postMessage({ kind: "here", parts: wanted() });
  if (channel) {
    channel.addEventListener("message", ({ data: { kind, data, id, parts: asks } }) => {
      if (kind === "leader") hello();
      else if (kind === "here") {
        if (!source) return;
        const more = asks && !parts;
        parts = parts || asks;
        if (more || asks) open(); // the new tab gets all parts as they are now
      } else if (!source) {
        if (id) last = id;
        handle[kind](data);
      }
    });
  }
  if (channel && navigator.locks) {
    navigator.locks.request("garita-stream", () => {
      lead();
      return new Promise(() => {});
    });
    hello();
  } else {
    lead();
  }
  window.addEventListener("offline", () => connected(false));
}
