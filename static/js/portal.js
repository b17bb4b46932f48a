// What the pages gain where scripts run. Every one of them works without this file.
(() => {
  "use strict";
  const root = document.documentElement;
  const skew = Date.parse(root.dataset.now) - Date.now(); // the device's clock may be wrong
  const marks = [15, 5, 1]; // minutes before the end at which it is said aloud, once each
  const said = new Map();

  // A line for each part of the page that speaks: two that change at once must both be heard.
  const say = (text, about = "page") => {
    const place = document.getElementById("announcer");
    if (!place) return;
    let line = [...place.children].find((each) => each.dataset.about === about);
    if (!line) {
      line = document.createElement("p");
      line.dataset.about = about;
      place.append(line);
    }
    if (line.textContent !== text) line.textContent = text;
  };

  const left = (seconds) => {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (hours) return `in ${hours} h ${minutes} min`;
    if (minutes >= 5) return `in ${minutes} min`;
    return minutes ? `in ${minutes} min ${seconds % 60} s` : `in ${seconds} s`;
  };

  const remind = (ends, seconds) => {
    const minutes = Math.ceil(seconds / 60);
    const before = said.get(ends) ?? minutes + 1;
    const due = marks.find((mark) => minutes <= mark && before > mark);
    if (due && seconds > 0) say(`Access ends in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`);
    said.set(ends, minutes);
  };

  const tick = () => {
    for (const node of document.querySelectorAll(".countdown")) {
      const seconds = Math.round((Date.parse(node.dataset.ends) - Date.now() - skew) / 1000);
      node.textContent = seconds > 0 ? left(seconds) : "its time is over";
      node.hidden = false;
      remind(node.dataset.ends, seconds);
    }
    for (const node of document.querySelectorAll(".ago")) {
      const seconds = Math.round((Date.now() + skew - Date.parse(node.dataset.since)) / 1000);
      node.textContent = past(Math.max(0, seconds));
    }
  };

  const past = (seconds) => {
    if (seconds < 60) return `${seconds} s ago`;
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ${minutes % 60} min ago`;
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      say("Copied.");
      button.lastElementChild.textContent = "Copied";
      setTimeout(() => (button.lastElementChild.textContent = "Copy"), 2000);
    } catch {
      getSelection().selectAllChildren(source);
      say("Selected. Copy it with your keyboard.");
    }
  };

  // A form is sent once. The server counts a second sending as the first, too.
  const sent = (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  };

  // Lengths that the chosen way does not allow are put away; the server checks them anyway.
  const lengths = () => {
    const way = document.querySelector('#ask [name="way"]:checked');
    if (!way) return;
    const allowed = way.dataset.lengths.split(" ").concat("custom");
    for (const choice of document.querySelectorAll('#ask [name="minutes"]')) {
      choice.closest("label").hidden = !allowed.includes(choice.value) && !choice.checked;
    }
  };

  // How many are ticked, in the button that acts on them.
  const count = () => {
    for (const button of document.querySelectorAll("[data-ticked]")) {
      const ticked = button.form.querySelectorAll('input[type="checkbox"]:checked').length;
      const words = button.querySelector("span");
      button.dataset.words ??= words.textContent;
      const these = ticked === 1 ? "this one" : `these ${ticked}`;
      words.textContent = ticked ? button.dataset.words.replace(/the ticked\S*( \w+)?/, these) : button.dataset.words;
    }
  };

  const reveal = () => {
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  };

  // From what is wrong with a policy to its line in the editor.
  const jump = (event, link) => {
    const editor = document.querySelector("textarea.code");
    const number = Number(link.hash.slice(6));
    if (!editor || !number) return;
    event.preventDefault();
    const lines = editor.value.split("\n");
    const start = lines.slice(0, number - 1).join("\n").length + (number > 1 ? 1 : 0);
    editor.focus();
    editor.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
    editor.scrollTop = (editor.scrollHeight / lines.length) * (number - 4);
  };

  // A session that nobody uses ends. Said in time, and what other tabs do counts too; typing alone
  // reaches no server, so a long text needs the button. The server decides, whatever is shown here.
  const idle = Number(root.dataset.idle) * 1000;
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("by-hand") : null;
  let used = Date.now();
  const use = () => {
    used = Date.now();
    tabs?.postMessage("used");
    soon();
  };
  const soon = () => {
    const band = document.getElementById("soon-out");
    if (!idle || !band || root.dataset.signedOut) return;
    const late = Date.now() - used > idle - 180000;
    if (late && band.hidden) say("You will be signed out in about two minutes.", "soon-out");
    band.hidden = !late;
  };
  const stay = async (page) => {
    const answer = await fetch(page, { method: "HEAD", redirect: "manual", headers: { "Bastion-By-Hand": "yes" } });
    if (answer.ok) use();
    else if (answer.type === "opaqueredirect") signedOut({ detail: { to: "/sign-in/" } });
  };
  if (tabs) tabs.onmessage = () => {
    used = Date.now();
    soon();
  };

  // Signed out: what was typed here stays to be copied. A page without any goes to the sign-in.
  const typed = () =>
    [...document.querySelectorAll('form[method="post"] :is(textarea, input:not([type="hidden"], [type="checkbox"], [type="radio"]))')]
      .some((field) => field.value !== field.defaultValue);
  const signedOut = (event) => {
    const next = encodeURIComponent(location.pathname + location.search);
    const to = `${event.detail.to}${event.detail.to.includes("?") ? "&" : "?"}next=${next}`;
    const band = document.getElementById("signed-out");
    if (!band || !typed()) return location.assign(to);
    root.dataset.signedOut = "yes";
    band.querySelector("a").href = to;
    band.hidden = false;
    document.getElementById("soon-out").hidden = true;
    say(band.textContent.trim(), "signed-out");
  };

  document.addEventListener("click", (event) => {
    const staying = event.target.closest("[data-stay]");
    if (staying) stay(staying.dataset.stay);
    const problem = event.target.closest('a[href^="#line-"]');
    if (problem) jump(event, problem);
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    if (event.target.closest("[data-print]")) print();
    for (const menu of document.querySelectorAll("details.user[open], details.further[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = document.querySelector("details.user[open], details.further[open]");
    if (event.key !== "Escape" || !menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("submit", sent);
  document.addEventListener("change", lengths);
  document.addEventListener("change", count);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return; // from the back-forward cache: forms may be sent again
    for (const form of document.forms) {
      delete form.dataset.sent;
      form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
    }
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    const away = document.hidden || root.dataset.signedOut;
    if (away && event.target.closest("[data-poll]")) event.preventDefault();
  });
  // What a page asks by itself keeps nobody signed in; what a person touched does.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.triggeringEvent?.isTrusted) return;
    event.detail.headers["Bastion-By-Hand"] = "yes";
    use();
  });
  document.addEventListener("signed-out", signedOut);
  document.addEventListener("htmx:afterSettle", (event) => {
    reveal();
    tick();
    count();
    const part = event.target;
    const status = part.matches?.("[data-announce]") ? part : part.querySelector?.("[data-announce]");
    if (status) say(status.dataset.announce, part.id);
  });

  for (const node of document.querySelectorAll("[data-script]")) node.hidden = false;
  for (const node of document.querySelectorAll("[data-plain]")) node.hidden = true;
  document.querySelector(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  document.querySelector(".summary")?.focus();
  reveal();
  lengths();
  count();
  tick();
  setInterval(tick, 1000);
  use();
  setInterval(soon, 5000);
})();
