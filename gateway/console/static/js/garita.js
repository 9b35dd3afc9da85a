// What every page of the console runs: the clock, and the stream of changes.
import "./sound.js";
import "./stream.js";
import "./times.js";

const clock = document.getElementById("clock");
if (clock) {
  const show = new Intl.DateTimeFormat(document.documentElement.lang, {
    timeZone: clock.dataset.zone,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  const tick = () => (clock.textContent = show.format(new Date()));
  tick();
  setInterval(tick, 1000);
}

// A refusal that answers a part of a page is shown at the top, where nobody misses it.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 409 || event.detail.xhr.status === 403) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
    event.detail.target = document.getElementById("notice");
    event.detail.swapOverride = "innerHTML";
  }
});

// A form is sent once, however often the button is tapped.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 3000);
});
