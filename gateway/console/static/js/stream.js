// Hears from the console what changed, and tells the page's parts: an element with
// hx-trigger="changed-doors from:body" loads itself anew.
const body = document.body;
const link = document.getElementById("link");

function connected(good) {
  if (!link || link.dataset.state === (good ? "good" : "lost")) return;
  link.dataset.state = good ? "good" : "lost";
  link.lastElementChild.textContent = good ? link.dataset.good : link.dataset.lost;
}

function changed(topics) {
  for (const topic of topics) body.dispatchEvent(new CustomEvent(`changed-${topic}`));
}

if (body.dataset.stream) {
  const source = new EventSource(body.dataset.stream);
  source.addEventListener("open", () => connected(true));
  source.addEventListener("error", () => connected(false));
  source.addEventListener("changed", (event) => changed(JSON.parse(event.data).topics));
}
