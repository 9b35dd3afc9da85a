// Signs the order to open a door.  The key is made in this browser, one for each operator, and can't
// be taken out of it (not extractable); the gate's configuration has its public half.
const box = document.getElementById("opening");
const facts = box.dataset;
const said = document.getElementById("said");

function show(state) {
  for (const part of box.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== state;
}

function tell(kind, text) {
  const line = document.createElement("p");
  line.className = `notice notice-${kind}`;
  line.textContent = text;
  said.replaceChildren(line);
}

function stored(mode, act) {
  return new Promise((good, bad) => {
    const opening = indexedDB.open("garita-keys", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
    opening.onerror = () => bad(opening.error);
    opening.onsuccess = () => {
      const change = opening.result.transaction("keys", mode);
      const asked = act(change.objectStore("keys"));
      change.oncomplete = () => good(asked.result);
      change.onerror = () => bad(change.error);
    };
  });
}

const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));

async function publicHalf(pair) {
  return base64(await crypto.subtle.exportKey("raw", pair.publicKey));
}

async function look() {
  if (!globalThis.crypto?.subtle) return tell("warn", facts.old);
  const pair = await stored("readonly", (keys) => keys.get(facts.operator));
  if (!pair) return show("no-key");
  const half = await publicHalf(pair);
  if (JSON.parse(facts.known).includes(half)) return show("known");
  const lines = document.getElementById("lines");
  const number = half.replace(/[^A-Za-z0-9]/g, "").slice(0, 6);
  lines.textContent = lines.dataset.lines.trim().replace("{public}", half).replace("{number}", number);
  show("unknown");
}

async function make() {
  try {
    const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    await stored("readwrite", (keys) => keys.add(pair, facts.operator));
    navigator.storage?.persist?.();
  } catch {
    return tell("warn", facts.old);
  }
  await look();
}

async function post(path, fields) {
  const answer = await fetch(`/devices/doors/${encodeURIComponent(facts.door)}/${path}`, {
    method: "POST",
    headers: { "X-CSRF": facts.csrf },
    body: new URLSearchParams(fields),
    redirect: "manual",
  });
  if (answer.type === "opaqueredirect") {
    location.reload(); // a sign-in or a second factor is asked for
    return null;
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.why);
  return found;
}

async function open(reason) {
  const pair = await stored("readonly", (keys) => keys.get(facts.operator));
  const order = await post("order", { reason, public: await publicHalf(pair) });
  if (!order) return;
  const body = JSON.parse(order.text);
  // What is signed is what was tapped: this door, once.
  if (body.command !== "door_open" || body.door !== facts.door) throw new Error(facts.odd);
  const bytes = new TextEncoder().encode(order.text);
  const signature = base64(await crypto.subtle.sign("Ed25519", pair.privateKey, bytes));
  const message = JSON.stringify({ key: order.key, body, signature });
  const done = await post("open", { message });
  if (done) location.assign(`${location.pathname}?record=${done.record}`);
}

document.getElementById("make").addEventListener("click", make);
document.getElementById("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  try {
    await open(event.target.elements.reason.value);
  } catch (error) {
    tell("bad", error instanceof TypeError || error instanceof SyntaxError ? facts.lost : error.message);
  }
  button.disabled = false;
});
look();
