"use strict";

// The list of phones is asked once a second; prompts and messages only when that list says they have changed.
const POLL_MS = 1000;
const DEFAULT_NUMBER = "254712345678";
const STORAGE_KEY = "simulator.msisdn";
const PIN_LENGTH = 4;

const find = (id) => document.getElementById(id);
const state = { msisdn: "", phones: [], prompt: null, answered: null, byHand: false, promptEnds: 0, seen: null, lastMessage: null, sending: false, pin: "", merchant: null };

function normalise(text) {
  let digits = text.replace(/[\s\-()]/g, "").replace(/^\+/, "");
  if (/^0[0-9]{9}$/.test(digits)) digits = "254" + digits.slice(1);
  else if (/^[0-9]{9}$/.test(digits)) digits = "254" + digits;
  return /^254[17][0-9]{8}$/.test(digits) ? digits : null;
}

const readable = (msisdn) => `0${msisdn.slice(3, 6)} ${msisdn.slice(6, 9)} ${msisdn.slice(9)}`;
const shillings = (text) => `Ksh${Number(text).toLocaleString("en-KE", { maximumFractionDigits: 0 })}`;

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  const response = await fetch(`api/${path}`, options);
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

// --- whose phone

function remember(msisdn) {
  try {
    localStorage.setItem(STORAGE_KEY, msisdn);
  } catch {
    // Storage may be switched off; the number is then chosen anew each time.
  }
}

function remembered() {
  const asked = normalise(new URLSearchParams(location.search).get("msisdn") ?? "");
  if (asked) return asked;
  try {
    return normalise(localStorage.getItem(STORAGE_KEY) ?? "");
  } catch {
    return null;
  }
}

function choose(msisdn, byHand = true) {
  if (msisdn !== state.msisdn) {
    state.msisdn = msisdn;
    state.seen = null;
    state.lastMessage = null;
    find("inbox").replaceChildren();
    find("empty").hidden = true;
    find("toast").hidden = true;
    closePrompt();
  }
  if (byHand) {
    state.byHand = true;
    remember(msisdn);
    history.replaceState(null, "", `?msisdn=${msisdn}`);
  }
  find("msisdn-input").value = readable(msisdn);
  find("msisdn-error").hidden = true;
  find("current-number").textContent = readable(msisdn);
  poll();
}

find("number-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const msisdn = normalise(find("msisdn-input").value);
  if (msisdn) {
    choose(msisdn);
  } else {
    find("msisdn-error").textContent = "Enter a Kenyan mobile number, for example 0712 345 678.";
    find("msisdn-error").hidden = false;
  }
});

function phoneButton(phone) {
  const waiting = phone.waiting_prompts > 0;
  const note = waiting
    ? make("span", { class: "pulse" }, "Answer")
    : make("small", {}, phone.pin_locked ? "PIN locked" : shillings(phone.balance));
  const button = make(
    "button",
    {
      type: "button",
      class: "phone-button",
      "data-testid": `${waiting ? "waiting" : "recent"}-phone-${phone.msisdn}`,
      "aria-current": String(phone.msisdn === state.msisdn),
    },
    make("span", {}, readable(phone.msisdn)),
    note,
  );
  button.addEventListener("click", () => {
    choose(phone.msisdn);
    find("screen").scrollIntoView({ block: "start" });
  });
  return make("li", {}, button);
}

function fill(list, phones) {
  const shape = JSON.stringify([state.msisdn, phones]);
  if (list.dataset.shape === shape) return; // rebuilding would take the focus from a button
  list.dataset.shape = shape;
  list.replaceChildren(...phones.map(phoneButton));
}

function showPhones() {
  const waiting = state.phones.filter((phone) => phone.waiting_prompts > 0);
  const others = state.phones.filter((phone) => phone.waiting_prompts === 0 && phone.msisdn !== state.msisdn);
  fill(find("waiting-phones"), waiting);
  fill(find("recent-phones"), others);
  const elsewhere = waiting.filter((phone) => phone.msisdn !== state.msisdn);
  find("elsewhere").hidden = elsewhere.length === 0 || waiting.length > elsewhere.length;
  if (elsewhere.length) {
    find("elsewhere-text").textContent = `${readable(elsewhere[0].msisdn)} has a payment request.`;
    find("elsewhere").dataset.msisdn = elsewhere[0].msisdn;
  }
  find("waiting-count").textContent = waiting.length;
  find("waiting-count").classList.toggle("live", waiting.length > 0);
  document.title = waiting.length ? `(${waiting.length}) Customer's phone` : "Customer's phone - payment simulator";
}

find("elsewhere-show").addEventListener("click", () => choose(find("elsewhere").dataset.msisdn));

// --- the wallet

function showWallet(phone) {
  find("balance").textContent = shillings(phone.balance);
  find("pin-locked").hidden = !phone.pin_locked;
}

find("wallet-button").addEventListener("click", () => {
  const panel = find("wallet-panel");
  panel.hidden = !panel.hidden;
  find("wallet-button").setAttribute("aria-expanded", String(!panel.hidden));
  find("wallet-note").textContent = "";
  if (!panel.hidden) find("balance-input").focus();
});

find("wallet-panel").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = find("balance-input").value.replace(/[\s,]/g, "");
  if (!/^[0-9]{1,9}$/.test(text)) {
    find("wallet-note").textContent = "Enter whole shillings, for example 500.";
    return;
  }
  await setPhone({ balance: Number(text) });
  find("wallet-button").click();
});

find("unlock-pin").addEventListener("click", () => setPhone({ unlock_pin: true }));

async function setPhone(change) {
  try {
    showWallet(await call(`phones/${state.msisdn}/`, change));
  } catch (error) {
    toast(error.message, true);
  }
  poll();
}

// --- the inbox

function showMessages(messages) {
  const inbox = find("inbox");
  const known = state.lastMessage;
  inbox.replaceChildren(...messages.map((message) => {
    const classes = ["message", message.kind];
    if (known !== null && message.id > known) classes.push("new");
    const body = make("p", {});
    const [, receipt, rest] = /^([A-Z0-9]{10})( Confirmed\..*)$/.exec(message.text) ?? [];
    body.append(...(receipt ? [make("strong", {}, receipt), rest] : [message.text]));
    const sent = new Date(message.sent_at);
    const clock = make("time", { datetime: message.sent_at }, sent.toLocaleString("en-KE", { dateStyle: "medium", timeStyle: "short", timeZone: "Africa/Nairobi" }));
    return make("article", { class: classes.join(" "), "data-testid": "message", "data-kind": message.kind }, body, clock);
  }));
  state.lastMessage = messages.length ? messages[0].id : 0;
  inbox.scrollTop = 0;
  find("empty").hidden = messages.length > 0;
}

function toast(text, bad = false) {
  const box = find("toast");
  box.textContent = text;
  box.classList.toggle("bad", bad);
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, 4000);
}

// --- the prompt

function showPrompt(prompt) {
  state.promptEnds = performance.now() + prompt.expires_in_seconds * 1000;
  // A list that was on its way while the answer was sent still holds the answered prompt.
  if (state.prompt?.id === prompt.id || state.answered === prompt.id) return;
  state.prompt = prompt;
  find("prompt-text").textContent = prompt.text;
  find("prompt-error").textContent = "";
  find("pin-input").value = "";
  showDots();
  setSending(false);
  find("toast").hidden = true;
  find("overlay").hidden = false;
  if (!find("number-form").contains(document.activeElement)) find("pin-input").focus({ preventScroll: true });
  tick();
}

function closePrompt() {
  state.prompt = null;
  find("overlay").hidden = true;
}

function tick() {
  if (!state.prompt) return;
  const left = Math.max(0, (state.promptEnds - performance.now()) / 1000);
  find("prompt-left").textContent = left > 0 ? `${Math.ceil(left)} s left` : "Timing out";
  find("prompt-left").classList.toggle("soon", left < 15);
  find("life").style.transform = `scaleX(${Math.min(1, left / state.prompt.lifetime_seconds)})`;
}

function showDots() {
  const typed = find("pin-input").value.length;
  [...find("dots").children].forEach((dot, index) => dot.classList.toggle("on", index < typed));
}

function setSending(sending) {
  state.sending = sending;
  for (const id of ["ok", "cancel", "ignore"]) find(id).disabled = sending;
  find("ok").textContent = sending ? "Sending" : "OK";
}

function buildKeypad() {
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "clear", "0", "back"];
  const labels = { clear: ["Clear", "Clear the PIN"], back: ["Delete", "Delete the last digit"] };
  find("keypad").append(...keys.map((key) => {
    const [text, label] = labels[key] ?? [key, key];
    const attributes = { type: "button", class: labels[key] ? "key plain" : "key", "aria-label": label, "data-testid": `key-${key}` };
    const button = make("button", attributes, text);
    button.addEventListener("click", () => {
      const input = find("pin-input");
      if (key === "clear") input.value = "";
      else if (key === "back") input.value = input.value.slice(0, -1);
      else input.value = (input.value + key).slice(0, PIN_LENGTH);
      find("prompt-error").textContent = "";
      showDots();
    });
    return button;
  }));
}

find("pin-input").addEventListener("input", () => {
  const input = find("pin-input");
  input.value = input.value.replace(/[^0-9]/g, "").slice(0, PIN_LENGTH);
  find("prompt-error").textContent = "";
  showDots();
});

async function answer(body) {
  if (!state.prompt || state.sending) return;
  setSending(true);
  try {
    const result = await call(`prompts/${encodeURIComponent(state.prompt.id)}/answer`, body);
    state.answered = result.id;
    closePrompt();
    const paid = result.status === "successful";
    const texts = { 1032: "Cancelled", 1037: "Timed out", 2001: "Wrong PIN", 1: "Not enough money", 4: "Above your daily limit" };
    toast(paid ? `Paid. Receipt ${result.receipt_number}` : texts[result.result_code] ?? result.result_desc, !paid);
  } catch (error) {
    if (error.status === 409 || error.status === 404) {
      closePrompt();
      toast(error.message, true);
    } else {
      find("prompt-error").textContent = "Not sent. Try again.";
    }
  }
  setSending(false);
  poll();
}

find("prompt").addEventListener("submit", (event) => {
  event.preventDefault();
  const pin = find("pin-input").value;
  if (pin.length < PIN_LENGTH) {
    find("prompt-error").textContent = "Enter the 4 digits of your PIN.";
    find("pin-input").focus();
    return;
  }
  answer({ pin });
});
find("cancel").addEventListener("click", () => answer({ action: "cancel" }));
find("ignore").addEventListener("click", () => answer({ action: "timeout" }));
// --- polling

let polling = false;
let again = false;

async function poll() {
  if (polling) {
    again = true; // something changed while a poll was under way: its answer may be old
    return;
  }
  polling = true;
  do {
    again = false;
    try {
      await refresh(state.msisdn);
      find("offline").hidden = true;
    } catch {
      find("offline").hidden = false;
    }
  } while (again);
  polling = false;
}

async function refresh(msisdn) {
  const { phones, pin, merchant } = await call(`phones?msisdn=${msisdn}`);
  if (msisdn !== state.msisdn) return;
  state.pin = pin;
  state.merchant = merchant;
  if (!state.byHand && phones[0].waiting_prompts && !state.prompt && phones[0].msisdn !== msisdn) {
    choose(phones[0].msisdn, false); // nobody chose a phone yet: show the one that has something to show
    return;
  }
  state.phones = phones;
  find("pin-hint").textContent = `Every phone's PIN here is ${pin}.`;
  showPhones();
  const own = phones.find((phone) => phone.msisdn === msisdn);
  showWallet(own);
  if (own.waiting_prompts) {
    const { prompts } = await call(`prompts?msisdn=${msisdn}`);
    if (msisdn !== state.msisdn) return;
    if (prompts.length && !state.sending) showPrompt(prompts[0]);
  } else if (state.prompt && !state.sending) {
    closePrompt();
  }
  const seen = own.last_message_id;
  if (state.seen !== seen) {
    const { messages } = await call(`messages?msisdn=${msisdn}`);
    if (msisdn !== state.msisdn) return;
    state.seen = seen;
    showMessages(messages);
  }
}

function showClock() {
  const now = new Date();
  find("clock").textContent = now.toLocaleTimeString("en-KE", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Africa/Nairobi" });
}

function start() {
  buildKeypad();
  showClock();
  const msisdn = remembered();
  choose(msisdn ?? DEFAULT_NUMBER, msisdn !== null);
  setInterval(poll, POLL_MS);
  setInterval(tick, 250);
  setInterval(showClock, 5000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
}

start();
