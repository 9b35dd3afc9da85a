// Passkeys: asks the browser for one (navigator.credentials) and puts its answer into the form.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
const known = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

async function made(options) {
  const asked = { ...options, challenge: bytes(options.challenge) };
  asked.user = { ...options.user, id: bytes(options.user.id) };
  asked.excludeCredentials = known(options.excludeCredentials);
  return navigator.credentials.create({ publicKey: asked });
}

async function shown(options) {
  const asked = { ...options, challenge: bytes(options.challenge) };
  asked.allowCredentials = known(options.allowCredentials);
  return navigator.credentials.get({ publicKey: asked });
}

function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response,
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.elements.passkey;
    if (field.value) return;
    event.preventDefault();
    event.stopPropagation();
    if (form.dataset.busy) return;
    form.dataset.busy = "yes";
    const say = form.querySelector("[data-say]");
    say.textContent = "";
    try {
      const options = JSON.parse(form.dataset.options);
      field.value = answer(await (form.dataset.passkey === "create" ? made : shown)(options));
      form.requestSubmit();
    } catch {
      say.textContent = form.dataset.failed;
    }
    delete form.dataset.busy;
  });
}
