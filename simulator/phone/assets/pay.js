"use strict";

// The M-PESA menu: payments that the customer starts, by paybill or at a till.
const PAY_FIELDS = ["pay-number", "pay-account", "pay-amount", "pay-pin"];

const payKind = () => document.querySelector('input[name="pay-kind"]:checked').value;

function ownNumber() {
  return state.merchant ? (payKind() === "till" ? state.merchant.till : state.merchant.shortcode) : "";
}

function showPayKind() {
  const atTill = payKind() === "till";
  find("pay-number-label").textContent = atTill ? "Till number" : "Business number";
  find("pay-account-field").hidden = atTill;
  find("pay-number").value = ownNumber();
  showPayee();
  payNote("");
}

function showPayee() {
  if (!state.merchant) return;
  const { name, till } = state.merchant;
  const known = find("pay-number").value === ownNumber();
  find("pay-merchant").textContent = payKind() === "till" && !till ? `Every till is ${name}'s here.` : known ? name : "";
}

function payNote(text, field = null) {
  for (const id of PAY_FIELDS) find(id).removeAttribute("aria-invalid");
  find("pay-note").textContent = text || (state.pin ? `Every phone's PIN here is ${state.pin}.` : "");
  find("pay-note").classList.toggle("bad", Boolean(text));
  if (field) {
    find(field).setAttribute("aria-invalid", "true");
    find(field).focus();
  }
}

function openPay() {
  find("pay-back").hidden = false;
  find("toast").hidden = true;
  find("pay-pin").value = "";
  showPayKind();
  find(payKind() === "till" && !ownNumber() ? "pay-number" : payKind() === "till" ? "pay-amount" : "pay-account").focus();
}

function closePay() {
  find("pay-back").hidden = true;
  find("pay-open").focus({ preventScroll: true });
}

// What is wrong with the form: the sentence and the field, or null.
function payProblem(order) {
  const number = order.till ?? order.shortcode;
  if (!/^[0-9]{5,7}$/.test(number)) return [`Enter the ${order.till === undefined ? "business" : "till"} number: 5 to 7 digits.`, "pay-number"];
  if (order.account === "") return ["Enter the account number, for example your order number.", "pay-account"];
  if (!/^[1-9][0-9]*$/.test(order.amount)) return ["Enter whole shillings, for example 500.", "pay-amount"];
  if (!/^[0-9]{4}$/.test(order.pin)) return ["Enter the 4 digits of your PIN.", "pay-pin"];
  return null;
}

function readPay() {
  const value = (id) => find(id).value.trim();
  const order = { msisdn: state.msisdn, amount: value("pay-amount").replace(/[\s,]/g, ""), pin: value("pay-pin") };
  if (payKind() === "till") return { ...order, till: value("pay-number") };
  return { ...order, shortcode: value("pay-number"), account: value("pay-account") };
}

function setPaying(paying) {
  find("pay-send").disabled = paying;
  find("pay-send").textContent = paying ? "Sending" : "Pay";
}

find("pay").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (find("pay-send").disabled) return;
  const order = readPay();
  const problem = payProblem(order);
  if (problem) {
    payNote(...problem);
    return;
  }
  payNote("");
  setPaying(true);
  try {
    const outcome = await call("pay", order);
    if (outcome.status === "successful") {
      find("pay-account").value = "";
      find("pay-amount").value = "";
      closePay();
      toast(`Paid. Receipt ${outcome.receipt_number}`);
    } else {
      find("pay-pin").value = "";
      payNote(outcome.text, outcome.result_code === "2001" ? "pay-pin" : null);
    }
  } catch (error) {
    payNote(error.status === 400 ? error.message : "Not sent. Look at your messages before you try again.");
  }
  setPaying(false);
  poll();
});

for (const id of ["pay-number", "pay-amount", "pay-pin"]) {
  find(id).addEventListener("input", () => {
    find(id).value = find(id).value.replace(/[^0-9]/g, "");
  });
}
find("pay-number").addEventListener("input", showPayee);
for (const radio of document.querySelectorAll('input[name="pay-kind"]')) radio.addEventListener("change", showPayKind);
find("pay-open").addEventListener("click", openPay);
find("pay-close").addEventListener("click", closePay);
find("pay-back").addEventListener("click", (event) => { if (event.target === find("pay-back")) closePay(); });
find("pay").addEventListener("keydown", (event) => { if (event.key === "Escape") closePay(); });
