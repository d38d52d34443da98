"use strict";

// The page asks again while it is open: a customer who acts by himself, or the end of its time, shows at once.
const POLL_MS = 1500;

const NAMES = { paystack: "Paystack", chapa: "Chapa", stripe: "Stripe", paypal: "PayPal" };
const VERDICTS = {
  paid: ["✓", "Paid", "The payment went through."],
  failed: ["×", "Failed", "The payment did not go through. No money moved."],
  cancelled: ["–", "Cancelled", "This payment was cancelled. No money moved."],
  expired: ["–", "Expired", "The time for this payment is over."],
};
// Which picture stands before a way to pay: the first whose words are in its label.
const PICTURES = [["bank", /bank|transfer/i], ["phone", /birr|pesa|mobile|phone|confirm/i], ["card", /./]];

const find = (id) => document.getElementById(id);
const [, , provider = "", id = ""] = location.pathname.split("/");
const state = { shape: "", acting: false };

async function call(path, options = {}) {
  // A browser that goes back would answer from its cache, with the buttons of a payment that is made.
  const response = await fetch(`/checkout/api/${path}`, { cache: "no-store", ...options });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const money = (text) => text.replace(/\B(?=(\d{3})+\.)/g, ",");

function showOnly(section) {
  for (const name of ["checkout", "list", "missing"]) find(name).hidden = name !== section;
}

function showError(text) {
  find("error").textContent = text;
  find("error").hidden = text === "";
}

// --- one checkout

function isWebAddress(address) {
  try {
    return ["http:", "https:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

function showCheckout(checkout) {
  showOnly("checkout");
  const shape = JSON.stringify(checkout);
  if (shape === state.shape) return; // rebuilding would take the focus from a button
  state.shape = shape;
  const name = NAMES[checkout.provider] ?? checkout.provider;
  document.body.dataset.provider = checkout.provider;
  document.title = `${name} checkout - payment simulator`;
  find("brand-mark").textContent = name[0];
  find("provider").textContent = name;
  find("amount").textContent = money(checkout.amount);
  for (const field of ["merchant", "currency", "description", "reference", "customer"]) {
    find(field).textContent = checkout[field];
  }
  find("customer-row").hidden = !checkout.customer;
  find("note").textContent = checkout.note;
  const open = checkout.actions.length > 0;
  find("note").hidden = !checkout.note || !open;
  find("open").hidden = !open;
  find("verdict").hidden = open;
  find("actions").replaceChildren(...actionRows(checkout.actions));
  if (!open) showVerdict(checkout);
}

function showVerdict(checkout) {
  const [mark, title, text] = VERDICTS[checkout.state] ?? ["–", checkout.state, ""];
  find("verdict").dataset.state = checkout.state;
  find("verdict-mark").textContent = mark;
  find("verdict-title").textContent = title;
  find("verdict-text").textContent = checkout.note || text;
  const back = find("back");
  back.hidden = !isWebAddress(checkout.return_url);
  if (!back.hidden) back.href = checkout.return_url;
}

function actionRows(actions) {
  const [paid, failed, others] = [[], [], []];
  for (const action of actions) ({ paid, failed }[action.outcome] ?? others).push(actionButton(action));
  const between = paid.length && failed.length ? [make("p", { class: "divider" }, "or let it fail")] : [];
  return [...paid, ...between, ...failed, ...others];
}

function actionButton(action) {
  const attributes = { type: "button", class: `action ${action.outcome}`, "data-testid": `action-${action.name}` };
  const button = make("button", attributes, make("span", {}, action.label));
  if (action.outcome === "paid") {
    const [picture] = PICTURES.find(([, words]) => words.test(action.label));
    button.prepend(make("span", { class: `picture ${picture}`, "aria-hidden": "true" }));
  }
  button.addEventListener("click", () => act(action.name));
  return button;
}

function setActing(acting) {
  state.acting = acting;
  for (const button of find("actions").querySelectorAll("button")) button.disabled = acting;
}

async function act(action) {
  if (state.acting) return;
  setActing(true);
  showError("");
  try {
    const path = [provider, id, action].map(encodeURIComponent).join("/");
    const { next } = await call(path, { method: "POST" });
    if (isWebAddress(next)) {
      location.assign(next);
      return; // the buttons stay dead until the browser has left
    }
  } catch (error) {
    showError(error.status === undefined ? "The simulator does not answer. Try again." : error.message);
  }
  setActing(false);
  await refresh();
}

// --- every open checkout

function showList(checkouts) {
  showOnly("list");
  const shape = JSON.stringify(checkouts);
  if (shape === state.shape) return;
  state.shape = shape;
  find("waiting").replaceChildren(...checkouts.map((checkout) => {
    const address = `/checkout/${checkout.provider}/${encodeURIComponent(checkout.id)}`;
    const who = make("small", {}, [NAMES[checkout.provider], checkout.customer].filter(Boolean).join(", "));
    const amount = make("b", {}, `${checkout.currency} ${money(checkout.amount)}`);
    return make("li", {}, make("a", { href: address }, make("span", {}, checkout.reference), amount, who));
  }));
}

// --- polling

async function refresh() {
  if (state.acting) return;
  try {
    if (id) {
      showCheckout(await call(`${encodeURIComponent(provider)}/${encodeURIComponent(decodeURIComponent(id))}`));
    } else {
      showList((await call("open")).checkouts);
    }
  } catch (error) {
    if (error.status === 404) {
      showOnly("missing");
      clearInterval(polling); // it will not come back
    } else {
      showError("The simulator does not answer. Trying again.");
    }
    return;
  }
  if (find("error").textContent.endsWith("Trying again.")) showError("");
}

const polling = setInterval(refresh, POLL_MS);
refresh();
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
// The way back from the shop can bring the page as it was left, with its buttons dead.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  setActing(false);
  refresh();
});
