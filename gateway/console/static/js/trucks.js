// Trucks: marks on the pictures, photographs made small before they are sent, and the field that
// belongs to "different".  Without this file the pages work too.

// A mark or a point loads its part of the page, and not the whole page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-part]");
  if (!link || event.ctrlKey || event.metaKey || !window.htmx) return;
  event.preventDefault();
  const address = link.href.baseVal ?? link.href;
  htmx.ajax("GET", address.split("#")[0], { target: "#inspection", swap: "outerHTML" });
});

// The next point has the focus, so that the keyboard goes on there and a screen reader says it.
document.addEventListener("htmx:afterSwap", () => {
  const heading = document.querySelector("#point h2");
  if (!heading || document.activeElement?.closest("#point")) return;
  heading.focus({ preventScroll: true });
  document.getElementById("point").scrollIntoView({ block: "nearest" });
});

// "different" shows a field: the guard types at once.
document.addEventListener("change", (event) => {
  if (event.target.type === "radio" && event.target.value === "other") {
    event.target.closest("form").querySelector(`[name="${event.target.name}-seen"]`)?.focus();
  }
});

// A telephone's picture has several megabytes.  A small one is enough, is sent in a second, and has
// lost its place and time; the console makes sure of that again.
document.addEventListener("change", async (event) => {
  const input = event.target;
  const side = Number(input.dataset?.shrink);
  if (!side || input.files.length !== 1) return;
  const file = input.files[0];
  try {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    picture.close();
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    if (!small || input.files[0] !== file) return;
    const chosen = new DataTransfer();
    chosen.items.add(new File([small], "photo.jpg", { type: "image/jpeg" }));
    input.files = chosen.files;
  } catch {
    // Not a picture that this browser reads: the console says so.
  }
});
