// How long each part took from its record to the screen.  Always noted (the newest 200 of each part),
// shown in a corner when asked.
const KEPT = 200;
const took = new Map();
let ahead = 0; // how far the console's clock is ahead of this browser's, in ms

export function seen(part, at) {
  const name = part.split(":")[0];
  requestAnimationFrame(() => {
    const list = took.get(name) ?? [];
    list.push(Math.round(Date.now() + ahead - Date.parse(at)));
    if (list.length > KEPT) list.shift();
    took.set(name, list);
    if (asked()) show();
  });
}

const asked = () => document.getElementById("times")?.hidden === false;

function show() {
  const rows = document.querySelector("#times tbody");
  rows.replaceChildren(
    ...[...took].map(([name, list]) => {
      const row = document.createElement("tr");
      const most = [...list].sort((a, b) => a - b)[Math.max(0, Math.ceil(list.length * 0.95) - 1)];
      for (const text of [name, list.at(-1), most]) row.insertCell().textContent = text;
      return row;
    }),
  );
}

// The two clocks are compared by the quickest of five answers (RFC 5905's way).
async function compare() {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const sent = Date.now();
    const answer = await fetch("/live/clock").catch(() => null);
    if (!answer?.ok) return;
    const theirs = Number(await answer.text());
    const back = Date.now();
    if (back - sent < best) {
      best = back - sent;
      ahead = theirs - (sent + back) / 2;
    }
  }
}

const button = document.getElementById("times-ask");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const corner = document.getElementById("times");
    corner.hidden = !corner.hidden;
    button.setAttribute("aria-pressed", String(!corner.hidden));
    if (!corner.hidden) compare().then(show);
  });
}

export const all = () => Object.fromEntries(took);
document.addEventListener("garita:times", (event) => event.detail(all()));
