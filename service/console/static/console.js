// What pages gain with a script: they renew themselves, times are told in the viewer's zone, and keys work. All of it can be done without.
"use strict";

const content = document.getElementById("content");

// Times: the viewer's zone in the text, UTC on hover.
function tellTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf()) && time.title.endsWith("UTC")) {
      const two = (part) => String(part).padStart(2, "0");
      time.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
    }
  }
}

function tellZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
  for (const place of document.querySelectorAll(".zone")) {
    place.textContent = zone === "UTC" ? zone : `${zone}, UTC on hover`;
  }
}

// Renewal: the inside of the page is fetched again and swapped where it changed, unless somebody is typing in it or has opened something.
let shown = null;

function busy() {
  const active = document.activeElement;
  const typing = active && content.contains(active) && /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(active.tagName);
  return document.hidden || typing || content.querySelector("details[open]") !== null || document.querySelector("dialog[open]") !== null;
}

async function renew() {
  if (busy()) return;
  const status = document.querySelector(".live");
  try {
    const answer = await fetch(location.href, { headers: { "Stepwedge-Fragment": "1" }, credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (busy()) return;
    if (shown !== null && text !== shown) {
      const scroll = [...content.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
      content.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
      content.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scroll[index] || 0; });
      tellTimes(content);
      offerPng(content);
    }
    shown = text;
    if (status) status.textContent = ` · renewed ${new Date().toLocaleTimeString()}`;
  } catch {
    if (status) status.textContent = " · cannot be renewed now: reload the page";
  }
}

// Drawings as PNG: the SVG file, drawn on a canvas at three times its size; beside its link, where there is a script.
async function saveAsPng(link) {
  const image = new Image();
  image.src = link.href;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 3 * (image.naturalWidth || 400);
  canvas.height = 3 * (image.naturalHeight || 260);
  const pencil = canvas.getContext("2d");
  pencil.fillStyle = "#fff";
  pencil.fillRect(0, 0, canvas.width, canvas.height);
  pencil.drawImage(image, 0, 0, canvas.width, canvas.height);
  const saved = document.createElement("a");
  saved.href = URL.createObjectURL(await new Promise((done) => canvas.toBlob(done, "image/png")));
  saved.download = `${new URL(link.href).pathname.split("/").pop().replace(/\.svg$/, "")}.png`;
  saved.click();
  URL.revokeObjectURL(saved.href);
}

function offerPng(root) {
  for (const link of root.querySelectorAll('a[download][href*=".svg"]')) {
    const png = document.createElement("button");
    png.type = "button";
    png.className = "plain";
    png.textContent = "PNG";
    png.addEventListener("click", () => saveAsPng(link));
    link.after(" ", png);
  }
}

// Keys: one letter each, and off where the viewer wants that.
function keysOn() {
  try { return localStorage.getItem("stepwedge-keys") !== "off"; } catch { return true; }
}

let awaited = "";

function move(step) {
  const rows = [...content.querySelectorAll("table.lines tbody tr")];
  if (!rows.length) return;
  const now = rows.findIndex((row) => row.classList.contains("chosen"));
  const next = Math.min(rows.length - 1, Math.max(0, now < 0 ? 0 : now + step));
  rows.forEach((row, index) => row.classList.toggle("chosen", index === next));
  const link = rows[next].querySelector("a, button");
  if (link) link.focus(); else rows[next].scrollIntoView({ block: "nearest" });
}

// Reading: a key answers the question in which one is, else the first that is open, and the focus moves on to the next one; at the end to the button.
function say(key) {
  const form = content.querySelector("form[data-reading]");
  if (!form) return false;
  const questions = [...form.querySelectorAll("fieldset")];
  const open = (one) => one.querySelector("input:checked") === null;
  const question = document.activeElement.closest("fieldset") || questions.find(open) || questions[0];
  const answer = question && question.querySelector(`input[data-say="${CSS.escape(key)}"]`);
  if (!answer) return false;
  answer.checked = true;
  const next = questions.slice(questions.indexOf(question) + 1).find(open);
  (next ? next.querySelector("input") : form.querySelector("button.main")).focus();
  return true;
}

function onKey(event) {
  const target = event.target;
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && target.type !== "radio";
  if (event.ctrlKey || event.metaKey || event.altKey || typing || !keysOn()) return;
  if (awaited === "" && say(event.key)) { event.preventDefault(); return; }
  if (awaited === "g") {
    awaited = "";
    const link = document.querySelector(`header.top nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  const own = content.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (own) { event.preventDefault(); own.click(); return; }
  if (event.key === "g") awaited = "g";
  else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "?") document.getElementById("keys").showModal();
  else if (event.key === "/") {
    const search = content.querySelector("input[type=search], input[type=text]");
    if (search) { event.preventDefault(); search.focus(); }
  }
}

tellTimes(document);
tellZone();
offerPng(document);
document.addEventListener("keydown", onKey);
const single = document.getElementById("keys-on");
single.checked = keysOn();
single.addEventListener("change", () => { try { localStorage.setItem("stepwedge-keys", single.checked ? "on" : "off"); } catch { /* not kept */ } });
const seconds = Number(content.dataset.refresh);
if (seconds > 0) {
  setInterval(renew, 1000 * seconds);
  renew();
}
